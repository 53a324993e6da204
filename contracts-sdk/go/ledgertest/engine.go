package ledgertest

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

// `concordat contract test` sets these for the second run of the tests: the
// program, and the module that it runs instead of the sources.
const (
	engineProgram = "CONCORDAT_ENGINE"
	engineModule  = "CONCORDAT_WASM"
)

// Statuses of an answer.
const (
	answerOK      = 0
	answerFailed  = 1
	answerTrapped = 2
	answerAsks    = 9 // for another contract
)

// engine is the process that runs the module; nil: it does not run yet.
var engine *process

type process struct {
	in  io.Writer
	out io.Reader
}

// inEngine tells whether calls are made on the module.
func inEngine() bool { return os.Getenv(engineModule) != "" }

// dispatch runs a method natively, or in the engine.
func (l *Ledger) dispatch(c *concordat.Context, method string, args []byte) ([]byte, error) {
	if !inEngine() {
		return concordat.Dispatch(c, method, args)
	}
	if engine == nil {
		engine = start()
	}
	return engine.call(l, c, method, args)
}

func start() *process {
	cmd := exec.Command(os.Getenv(engineProgram), "contract", "engine", os.Getenv(engineModule))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	broken(err)
	out, err := cmd.StdoutPipe()
	broken(err)
	broken(cmd.Start()) // it ends with its input, when this process does
	return &process{in, out}
}

// broken ends the tests: what the engine says is not known any more.
func broken(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "ledgertest: the engine cannot be used:", err)
		os.Exit(1)
	}
}

func (p *process) call(l *Ledger, c *concordat.Context, method string, args []byte) ([]byte, error) {
	question := engineCall{Method: method, Args: args, Caller: string(c.Caller), Organisation: c.Organisation, Attributes: c.Attributes, Via: c.Via, Self: c.Self,
		Height: c.Height, Time: c.Time, Command: c.CommandID, ReadOnly: l.call.readOnly, Signer: string(c.Signer)}
	for key, value := range l.State {
		if l.shows(key) {
			question.Records = append(question.Records, engineRecord{Key: []byte(key), Value: value, Audience: l.audiences[key]})
		}
	}
	slices.SortFunc(question.Records, func(a, b engineRecord) int { return slices.Compare(a.Key, b.Key) })
	p.write(&question)
	for {
		var a engineAnswer
		p.read(&a)
		if a.Status == answerAsks {
			p.write(l.asked(&a))
			continue
		}
		l.apply(&a)
		switch a.Status {
		case answerOK:
			return a.Output, nil
		case answerFailed:
			return nil, concordat.Fail(a.Code, a.Message)
		}
		panic(a.Message)
	}
}

// asked is what another contract answers, and for whom it has read.
func (l *Ledger) asked(a *engineAnswer) *engineAnswer {
	before := len(l.call.readers.audiences)
	out, err := l.other(a.Contract, a.Method, a.Args)
	reply := engineAnswer{Output: out}
	if err != nil {
		reply = engineAnswer{Status: answerFailed, Message: err.Error(), Code: concordat.CodeOther}
		if e, ok := err.(*concordat.Error); ok {
			reply.Code = e.Code
		}
		if reply.Code == concordat.CodeTrapped {
			reply.Status = answerTrapped
		}
	}
	for _, audience := range l.call.readers.audiences[before:] {
		reply.Read = append(reply.Read, engineAudience{audience})
	}
	return &reply
}

// apply takes over what a call did.
func (l *Ledger) apply(a *engineAnswer) {
	for _, r := range a.Changes {
		delete(l.State, string(r.Key))
		delete(l.audiences, string(r.Key))
		if r.Deleted {
			continue
		}
		l.State[string(r.Key)] = slices.Clone(r.Value)
		if len(r.Audience) > 0 {
			l.audiences[string(r.Key)] = slices.Clone(r.Audience)
		}
	}
	for _, e := range a.Events {
		l.Events = append(l.Events, Event{Topic: e.Topic, Data: slices.Clone(e.Data), Audience: slices.Clone(e.Audience)})
	}
	l.Logs = append(l.Logs, a.Logs...)
}

func (p *process) write(m concordat.Message) {
	b := concordat.AppendMessage(make([]byte, 4), m)
	binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
	_, err := p.in.Write(b)
	broken(err)
}

func (p *process) read(m concordat.Message) {
	var length [4]byte
	_, err := io.ReadFull(p.out, length[:])
	broken(err)
	b := make([]byte, binary.LittleEndian.Uint32(length[:]))
	_, err = io.ReadFull(p.out, b)
	broken(err)
	broken(concordat.Decode(b, m))
}
