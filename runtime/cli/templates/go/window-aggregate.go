// For each key and window: how many orders, and the sum of their amounts. An order that can't be read is a row error: `on_error` of the job says
// what becomes of it.
package main

import (
	"errors"

	"sluicebox"
)

// Order has the fields that are needed; others are skipped.
type Order struct {
	// Amount in cents; nil where it is missing.
	Amount *int64 `json:"amount"`
}

// Total is what is kept of the orders of a key and window. The host keeps its bytes, so nothing may depend on how orders are split into calls.
type Total struct {
	Orders, Amount int64
}

// Totals is a result.
type Totals struct {
	User          string `json:"user"`
	WindowStartMs int64  `json:"window_start_ms"`
	Orders        int64  `json:"orders"`
	Amount        int64  `json:"amount"`
}

func accumulate(total *Total, order Order, _ *sluicebox.NoConfig) error {
	if order.Amount == nil {
		return errors.New("the order has no amount")
	}
	return merge(total, Total{1, *order.Amount}, nil)
}

func merge(total *Total, later Total, _ *sluicebox.NoConfig) error {
	sum := total.Amount + later.Amount
	if (sum > total.Amount) != (later.Amount > 0) && later.Amount != 0 {
		return errors.New("the sum overflows")
	}
	total.Orders += later.Orders
	total.Amount = sum
	return nil
}

func finish(total Total, window sluicebox.Window, _ *sluicebox.NoConfig) (Totals, error) {
	user, err := window.KeyString()
	return Totals{user, window.StartMs, total.Orders, total.Amount}, err
}

func init() {
	sluicebox.WindowAggregate(sluicebox.Aggregate[Order, Total, Totals, sluicebox.NoConfig]{
		Accumulate: accumulate,
		Merge:      merge,
		Finish:     finish,
	})
}

func main() {}
