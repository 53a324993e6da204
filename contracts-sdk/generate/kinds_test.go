package generate_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/generate"
)

// The SDK tests the code that is written here for a message with a field of every kind,
// as a part of its own package.
func TestTheCodeThatTheSDKTestsIsWhatIsWritten(t *testing.T) {
	source, err := os.ReadFile("../go/kinds_test.go")
	require.NoError(t, err)
	_, types, ok := strings.Cut(string(source), "\n")
	require.True(t, ok)
	p, _, err := read(t, head+regexp.MustCompile(`\b(Amount|Party|Context)\b`).ReplaceAllString(types, "concordat.$1"))
	require.NoError(t, err)
	text := strings.ReplaceAll(string(p.Text()), "package main\n\nimport concordat \""+generate.SDK+"\"\n", "package concordat\n")
	text = strings.ReplaceAll(text, "concordat.", "")
	const file = "../go/kinds_gen_test.go"
	if os.Getenv("CONCORDAT_UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	have, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(have), text, "run CONCORDAT_UPDATE=1 go test ./contracts-sdk/generate")
}
