package ledgertest

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// engineCall, engineAnswer and what they hold are the messages of
// contracts-sdk/testengine/protocol.json.
type engineCall struct {
	Method               string
	Args                 []byte
	Caller, Organisation string
	Attributes           []concordat.Attribute
	Via, Self            string
	Height               uint64
	Time                 int64
	Command              []byte
	ReadOnly             bool
	Records              []engineRecord
	Signer               string
}

// Fields implements concordat.Message.
func (m *engineCall) Fields(f *concordat.Fields) {
	f.String(1, &m.Method)
	f.Bytes(2, &m.Args)
	f.String(3, &m.Caller)
	f.String(4, &m.Organisation)
	concordat.Messages(f, 5, &m.Attributes)
	f.String(6, &m.Via)
	f.String(7, &m.Self)
	f.Uint64(8, &m.Height)
	f.Int64(9, &m.Time)
	f.Bytes(10, &m.Command)
	f.Bool(11, &m.ReadOnly)
	concordat.Messages(f, 12, &m.Records)
	f.String(13, &m.Signer)
}

type engineRecord struct {
	Key, Value, Audience []byte
	Deleted              bool
}

// Fields implements concordat.Message.
func (m *engineRecord) Fields(f *concordat.Fields) {
	f.Bytes(1, &m.Key)
	f.Bytes(2, &m.Value)
	f.Bytes(3, &m.Audience)
	f.Bool(4, &m.Deleted)
}

type engineEvent struct {
	Topic          string
	Data, Audience []byte
}

// Fields implements concordat.Message.
func (m *engineEvent) Fields(f *concordat.Fields) {
	f.String(1, &m.Topic)
	f.Bytes(2, &m.Data)
	f.Bytes(3, &m.Audience)
}

type engineAnswer struct {
	Status           uint32
	Output           []byte
	Code             uint32
	Message          string
	Gas              uint64
	Changes          []engineRecord
	Events           []engineEvent
	Logs             []string
	Contract, Method string
	Args             []byte
	Read             []engineAudience
}

// Fields implements concordat.Message.
func (m *engineAnswer) Fields(f *concordat.Fields) {
	f.Uint32(1, &m.Status)
	f.Bytes(2, &m.Output)
	f.Uint32(3, &m.Code)
	f.String(4, &m.Message)
	f.Uint64(5, &m.Gas)
	concordat.Messages(f, 6, &m.Changes)
	concordat.Messages(f, 7, &m.Events)
	concordat.Texts(f, 8, &m.Logs)
	f.String(9, &m.Contract)
	f.String(10, &m.Method)
	f.Bytes(11, &m.Args)
	concordat.Messages(f, 12, &m.Read)
}

// engineAudience is who may see a record that another contract has read.
type engineAudience struct{ Entries concordat.Audience }

// Fields implements concordat.Message.
func (m *engineAudience) Fields(f *concordat.Fields) {
	concordat.Texts(f, 1, (*[]concordat.Party)(&m.Entries))
}
