// Per user (the key) and window: how many orders, and the sum, the smallest and the largest of their values. Reads what orders-enrich writes.
package main

import (
	"errors"

	"sluicebox"
)

// Order has the field that is needed.
type Order struct {
	ValueCents *int64 `json:"value_cents" sluicebox:"required"`
}

// Spend is kept of the orders of a key and window.
type Spend struct {
	Count    uint64 `json:"count"`
	SumCents int64  `json:"sum_cents"`
	MinCents int64  `json:"min_cents"`
	MaxCents int64  `json:"max_cents"`
}

// Spent is a result.
type Spent struct {
	User        string `json:"user"`
	WindowStart int64  `json:"window_start"`
	Spend
}

func accumulate(spend *Spend, order Order, _ *sluicebox.NoConfig) error {
	value := *order.ValueCents
	return merge(spend, Spend{1, value, value, value}, nil)
}

func merge(spend *Spend, later Spend, _ *sluicebox.NoConfig) error {
	if spend.Count == 0 {
		*spend = later
		return nil
	}
	sum := spend.SumCents + later.SumCents
	if (later.SumCents > 0) != (sum > spend.SumCents) && later.SumCents != 0 {
		return errors.New("the sum overflows")
	}
	spend.Count += later.Count
	spend.SumCents = sum
	spend.MinCents = min(spend.MinCents, later.MinCents)
	spend.MaxCents = max(spend.MaxCents, later.MaxCents)
	return nil
}

func finish(spend Spend, window sluicebox.Window, _ *sluicebox.NoConfig) (Spent, error) {
	user, err := window.KeyString()
	return Spent{user, window.StartMs, spend}, err
}

func init() {
	sluicebox.WindowAggregate(sluicebox.Aggregate[Order, Spend, Spent, sluicebox.NoConfig]{
		Accumulate: accumulate,
		Merge:      merge,
		Finish:     finish,
	})
}

func main() {}
