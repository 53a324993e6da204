package module

import (
	"slices"
	"strings"
)

// ValueType is the type of a parameter, result, local or global.
type ValueType = byte

// The four value types that are offered.
const (
	I32 ValueType = 0x7f
	I64 ValueType = 0x7e
	F32 ValueType = 0x7d
	F64 ValueType = 0x7c
)

// Offer is a function that contracts may import.
type Offer struct {
	Module, Name    string
	Params, Results []ValueType
}

// Offers lists the imports, those of the ABI first. The signature is written as
// one letter a value, results behind a colon: i = i32, l = i64.
var offers = parseOffers(ABI,
	"call_read ii:i", "output ii:", "fail iii:", "get iiii:i", "fetch ii:i", "put iiiiii:i", "del ii:i",
	"scan iiiii:i", "next iii:i", "emit iiiiii:i", "invoke iiiil:i", "crypto iiiii:i", "log iii:",
)

var offersWASI = parseOffers(WASI,
	"args_get ii:i", "args_sizes_get ii:i", "environ_get ii:i", "environ_sizes_get ii:i",
	"clock_time_get ili:i", "clock_res_get ii:i", "random_get ii:i", "sched_yield :i", "proc_exit i:",
	"poll_oneoff iiii:i", "fd_write iiii:i", "fd_read iiii:i", "fd_close i:i", "fd_seek ilii:i",
	"fd_fdstat_get ii:i", "fd_fdstat_set_flags ii:i", "fd_prestat_get ii:i", "fd_prestat_dir_name iii:i",
	"fd_filestat_get ii:i", "path_open iiiiillii:i", "path_filestat_get iiiii:i",
)

// Offers returns all imports that are offered, in a fixed order.
func Offers() []Offer { return slices.Concat(offers, offersWASI) }

func parseOffers(module string, lines ...string) []Offer {
	var out []Offer
	for _, line := range lines {
		name, signature, _ := strings.Cut(line, " ")
		params, results, _ := strings.Cut(signature, ":")
		out = append(out, Offer{Module: module, Name: name, Params: valueTypes(params), Results: valueTypes(results)})
	}
	return out
}

func valueTypes(letters string) []ValueType {
	var out []ValueType
	for _, l := range letters {
		switch l {
		case 'l':
			out = append(out, I64)
		default:
			out = append(out, I32)
		}
	}
	return out
}

func findOffer(module, name string) (Offer, bool) {
	list := offers
	if module == WASI {
		list = offersWASI
	} else if module != ABI {
		return Offer{}, false
	}
	i := slices.IndexFunc(list, func(o Offer) bool { return o.Name == name })
	if i < 0 {
		return Offer{}, false
	}
	return list[i], true
}

func offeredNames(module string) string {
	list := offers
	if module == WASI {
		list = offersWASI
	}
	names := make([]string, len(list))
	for i, o := range list {
		names[i] = o.Name
	}
	return strings.Join(names, ", ")
}

func signature(params, results []ValueType) string {
	return "(" + typeNames(params) + ") → (" + typeNames(results) + ")"
}

func typeNames(types []ValueType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = map[ValueType]string{I32: "i32", I64: "i64", F32: "f32", F64: "f64"}[t]
	}
	return strings.Join(names, ", ")
}
