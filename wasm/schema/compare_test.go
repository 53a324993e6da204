package schema

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatUsersNoticeOfANewSchema(t *testing.T) {
	make := func() *Schema {
		return &Schema{Version: 1, Contract: "c",
			Types: []Struct{{Name: "line", Fields: []Field{{Name: "a", Tag: 1, Type: String}}},
				{Name: "sheet", Fields: []Field{{Name: "lines", Tag: 1, Type: "line", Repeated: true}}},
				{Name: "order", Fields: []Field{{Name: "b", Tag: 1, Type: String}}}},
			Methods: []Method{{Name: "init", In: []Field{{Name: "a", Tag: 1, Type: String}}},
				{Name: "book", In: []Field{{Name: "order", Tag: 1, Type: "order"}}, Out: []Field{{Name: "sheet", Tag: 1, Type: "sheet"}}},
				{Name: "pay", In: []Field{{Name: "to", Tag: 1, Type: Party}, {Name: "memo", Tag: 2, Type: String, Optional: true}}},
				{Name: "sum", Query: true, Out: []Field{{Name: "sum", Tag: 1, Type: Amount}}}},
			Events: []Event{{Topic: "paid", Fields: []Field{{Name: "to", Tag: 1, Type: Party}}}},
			Errors: []ErrorCode{{Code: 1, Name: "poor"}}}
	}
	for name, c := range map[string]struct {
		change func(s *Schema)
		breaks bool
		text   string
	}{
		"method gone":     {func(s *Schema) { s.Methods = s.Methods[:3] }, true, "method sum is gone"},
		"init gone":       {func(s *Schema) { s.Methods = s.Methods[1:] }, false, "method init is gone, which nobody can call on a running contract"},
		"method new":      {func(s *Schema) { s.Methods = append(s.Methods, Method{Name: "x"}) }, false, "method x is new"},
		"query writes":    {func(s *Schema) { s.Methods[3].Query = false }, true, "method sum changes the state now; those who ask without a transaction are refused"},
		"type":            {func(s *Schema) { s.Methods[2].In[0].Type = String }, true, "field to of method pay is string now, not party"},
		"tag":             {func(s *Schema) { s.Methods[2].In[1].Tag = 9 }, true, "field memo of method pay has tag 9 now, not 2"},
		"argument gone":   {func(s *Schema) { s.Methods[2].In = s.Methods[2].In[:1] }, true, "field memo of method pay is gone; calls that give it are refused"},
		"argument needed": {func(s *Schema) { s.Methods[2].In[1].Optional = false }, true, "method pay needs memo now, which could be left out"},
		"argument added":  {func(s *Schema) { s.Methods[2].In = append(s.Methods[2].In, Field{Name: "x", Tag: 3, Type: Bool}) }, true, "method pay needs x now; calls made for the old module leave it empty"},
		"argument optional": {func(s *Schema) {
			s.Methods[2].In = append(s.Methods[2].In, Field{Name: "x", Tag: 3, Type: Bool, Optional: true})
		}, false, "method pay takes x now"},
		"output added":    {func(s *Schema) { s.Methods[3].Out = append(s.Methods[3].Out, Field{Name: "n", Tag: 2, Type: Uint64}) }, true, "what method sum returns has the field n now, which readers of the old schema refuse"},
		"told type grows": {func(s *Schema) { s.Types[0].Fields = append(s.Types[0].Fields, Field{Name: "b", Tag: 2, Type: Bool}) }, true, "type line has the field b now, which readers of the old schema refuse"},
		"taken type grows": {func(s *Schema) {
			s.Types[2].Fields = append(s.Types[2].Fields, Field{Name: "c", Tag: 2, Type: Bool, Optional: true})
		}, false, "type order takes c now"},
		"taken type needs": {func(s *Schema) { s.Types[2].Fields = append(s.Types[2].Fields, Field{Name: "c", Tag: 2, Type: Bool}) }, true, "type order needs c now; calls made for the old module leave it empty"},
		"list":             {func(s *Schema) { s.Methods[2].In[0].Repeated = true }, true, "field to of method pay is a list of party now, not party"},
		"event gone":       {func(s *Schema) { s.Events = nil }, true, "event paid is gone"},
		"event field gone": {func(s *Schema) { s.Events[0].Fields = nil }, true, "field to of event paid is gone; its readers find it empty"},
		"event new":        {func(s *Schema) { s.Events = append(s.Events, Event{Topic: "y"}) }, false, "event y is new"},
		"error renamed":    {func(s *Schema) { s.Errors[0].Name = "rich" }, true, "error 1 is rich now, not poor"},
		"error new":        {func(s *Schema) { s.Errors = append(s.Errors, ErrorCode{Code: 2, Name: "z"}) }, false, "error 2 z is new"},
		"error gone":       {func(s *Schema) { s.Errors = nil }, false, "error 1 poor is gone"},
	} {
		now := make()
		c.change(now)
		require.Equal(t, []Difference{{c.breaks, c.text}}, Compare(make(), now), name)
	}
	require.Empty(t, Compare(make(), make()))
}
