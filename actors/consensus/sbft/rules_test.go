package sbft

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type page = func(*testing.T)

// pagesOf names, for each rule of the protocol, a page on which it is applied and what
// follows from it is asserted. A rule without one fails the test below.
var pagesOf = map[Rule]page{
	RuleN1: TestPageAPrimaryStopsAtFourInFlight,
	RuleN2: TestPageOneValueASlotAndView,
	RuleN3: TestPageAgreedSlotsWaitForTheOneBefore,
	RuleF1: TestPageNoFastShareFarAboveExecution,
	RuleF2: TestPageOneSilentReplicaCostsTheFastPathOnlyWithoutSpares,
	RuleF3: TestPageTheFastPathIsGivenUp,
	RuleS1: TestPageAPreparedCertificateIsKeptBeforeItsShareLeaves,
	RuleS2: TestPageASlowCommitTakesItsQuorum,
	RuleC1: TestPageAPrimaryThatOnlyBeatsItsHeartIsComplainedAbout,
	RuleC2: TestPageACensoredRequestIsAReason,
	RuleC3: TestPageASilentPrimaryIsLeft,
	RuleC4: TestPageWhoeverIsBehindDoesNotComplain,
	RuleC5: TestPageALiarsFarViewDragsNobodyAlong,
	RuleV1: TestPageAMoveIsKeptBeforeItIsTold,
	RuleV2: TestPageAViewChangeMessageMovesWhoMissedTheComplaints,
	RuleV3: TestPageOneViewChangeMessageAReplicaIsKept,
	RuleW1: TestPageANewViewRestsOnExactlyNMinusFMessages,
	RuleW2: TestPageOneCommitCertificateDecidesTheSlot,
	RuleW3: TestPageAPreparedCertificateAloneCarriesItsValue,
	RuleW4: TestPageLaterWitnessesOverrideAPreparedValue,
	RuleW5: TestPageASlotThatOneReplicaAcceptedBecomesNull,
	RuleW6: TestPageTheHighestCertifiedCheckpointIsTakenOver,
	RuleW7: TestPageTheSameSetMakesTheSameViewForEveryone,
	RuleW8: TestPageTheSetIsAskedForInTurn,
	RuleW9: TestPageOnlyAFullMessageTakesAReplicaAlong,
	RuleK1: TestPageACheckpointIsSignedWhenItsStateIsDurable,
	RuleK2: TestPageACheckpointIsStableByItsQuorum,
	RuleK3: TestPageAReplicaFarBehindMovesItsWindow,
	RuleK4: TestPageWhoeverLacksACheckpointIsGivenIt,
	RuleB1: TestPageABodyIsAskedForUntilTheRightOneComes,
	RuleB2: TestPageABodyIsServedByItsDigest,
	RuleR1: TestPageARestartRepeatsTheVoteAndNoOther,
	RuleR2: TestPageARestartGoesOnInItsView,
	RuleE1: TestPageOnlyTwoValuesForOnePlaceAreAProof,
	RuleE2: TestPageWhoeverSeesAnotherValueTellsItsHalfOnce,
}

// pitfallPages are the pages of the pitfalls that others fell into and that concern the
// machine. 2 (unordered reads) is the client's and 10 (rogue keys) the key generation's.
var pitfallPages = map[int][]page{
	1:  {TestPageFastCommitOfOneSurvivesTheViewChange, TestPageLaterEvidenceWins, TestPageAllSawDifferentValuesAndTheLedgerGoesOn, TestPageLaterWitnessesOverrideAPreparedValue},
	3:  {TestPageAClaimedCheckpointNeedsItsCertificate, TestPageASlowReplicaInTheSetDoesNotUndoWhatOthersDecided, TestPageWhatIsStoredIsShownUntilACheckpointCoversIt, TestPageTheHighestCertifiedCheckpointIsTakenOver},
	4:  {TestPageABadCertificateSpoilsItsMessageOnly},
	5:  {TestPageChosenBodiesAndMissingMessagesAreFetched, TestPageAReplicaThatWasAwayRejoinsByCertificate, TestPageRestartWhileMovingAndRightAfterEntering, TestPageOneReplicaDownCausesNoEndlessViewChanges, TestPageAPrimaryThatOnlyBeatsItsHeartIsComplainedAbout},
	6:  {TestPageTheStoreIsAheadOfTheLog, TestPageTheStoreIsBehindTheLog, TestPageExecutionThatStartsAgainGetsTheSameDecisions},
	7:  {TestPageExecutionThatStandsStillHoldsUpNoViewChange, TestPageAgreedBlocksDoNotPileUpBeforeExecution, TestPageAHeavyBlockIsNoDeadPrimary},
	8:  {TestPageOneSilentReplicaCostsTheFastPathOnlyWithoutSpares},
	9:  {TestPageAShareIsBoundToEverythingItIsAbout, TestPageVotesOfAnEarlierViewDoNotCount},
	11: {TestPageWhatIsSignedIsWhatIsRead},
	12: {TestPageATimeOutOfBoundsGetsNoVote, TestPageTheSameInputsMakeTheSameOutputs},
	13: {TestPageAReplicaWithAnotherStateStops, TestPageCatchingUpToAnotherStateStops},
	14: {TestPageALoneTransactionDoesNotWaitForABatch},
}

func nameOf(p page) string {
	full := runtime.FuncForPC(reflect.ValueOf(p).Pointer()).Name()
	return full[strings.LastIndexByte(full, '.')+1:]
}

// Every rule has a page, and the page applies it: it is played here once more, and what
// its machines report is counted.
func TestEveryRuleIsAppliedOnItsPage(t *testing.T) {
	for r := RuleNone + 1; r < ruleEnd; r++ {
		p := pagesOf[r]
		if p == nil {
			t.Errorf("rule %s has no page", r)
			continue
		}
		opened = nil
		t.Run(r.String()+"/"+nameOf(p), func(t *testing.T) { p(t) })
		applied := 0
		for _, tb := range opened {
			applied += tb.fired(r)
		}
		require.Positive(t, applied, "%s does not apply rule %s", nameOf(p), r)
	}
	require.Len(t, pagesOf, int(ruleEnd)-1)
	require.Equal(t, 35, int(ruleEnd)-1, "a new rule needs a line in docs/consensus.md and a page")
}

// The pages stand in the tree and are tests: at least forty, and each names in its
// comment the pitfall that it is listed under.
func TestPitfallsHavePages(t *testing.T) {
	comments := map[string]string{}
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "TestPage") {
				comments[f.Name.Name] = strings.ToLower(strings.Join(strings.Fields(f.Doc.Text()), " "))
			}
		}
	}
	t.Logf("%d pages", len(comments))
	require.GreaterOrEqual(t, len(comments), 40)
	for name, comment := range comments {
		require.NotEmpty(t, comment, "%s tells what it shows", name)
	}
	for number, pages := range pitfallPages {
		for _, p := range pages {
			require.Regexp(t, pitfallNumber(number), comments[nameOf(p)], "%s is a page of pitfall %d", nameOf(p), number)
		}
	}
	for rule, p := range pagesOf {
		require.Contains(t, comments, nameOf(p))
		require.Contains(t, comments[nameOf(p)], strings.ToLower(rule.String()), "%s names its rule", nameOf(p))
	}
}

func pitfallNumber(n int) string { return fmt.Sprintf(`pitfall %d\b`, n) }
