// Keeps orders of at least a minimum amount. An order that can't be read is a row error: `on_error` of the job says what becomes of it.
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

// Config is the operator's `config`.
type Config struct {
	// Minimum is the smallest amount to keep, in cents.
	Minimum int64 `json:"minimum"`
}

func keep(order Order, config *Config) (bool, error) {
	if order.Amount == nil {
		return false, errors.New("the order has no amount")
	}
	return *order.Amount >= config.Minimum, nil
}

func init() { sluicebox.Filter(keep) }

func main() {}
