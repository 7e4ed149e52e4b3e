// Package sluicebox is for writing UDFs for sluicebox in Go.
//
// A UDF is a function that is registered in init. What the function takes says how a record's bytes become it, what it returns says
// what leaves; the packing of thousands of records into one call is done here.
//
//		type Order struct {
//			Amount   int64  `json:"amount"`
//			Currency string `json:"currency"`
//		}
//
//		func valid(order Order, _ *sluicebox.NoConfig) (bool, error) {
//			return order.Amount > 0 && order.Currency == "EUR", nil
//		}
//
//		func init() { sluicebox.Filter(valid) }
//
//		func main() {}
//
//	  - [Filter], [Map], [FlatMap] and [WindowAggregate] register a UDF; a module holds one.
//	  - Values are JSON unless the type says otherwise: [Raw] is the bytes, a type with its own [Decoder] is what that says. [Record] around a type
//	    adds key, headers and timestamp. A field that is a pointer with the tag `sluicebox:"required"` must be there.
//	  - An error, or a panic, is a row error with its text; the job decides what happens to such a row.
//	  - The last argument receives the operator's config; unknown fields are refused.
//	  - [Debugf], [Infof], [Warnf] and [Errorf] write to the job's log.
//	  - Package udftest runs a UDF natively, through the same packing.
//
// Be deterministic: the same rows must give the same outputs on any instance, however they are split into calls. The clock is logical,
// randomness has a fixed seed; package variables and the order of maps are left to avoid.
package sluicebox
