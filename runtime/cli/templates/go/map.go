// Adds to each order whether it is large. An order that can't be read is a row error: `on_error` of the job says what becomes of it.
package main

import (
	"errors"

	"sluicebox"
)

// Order is what comes.
type Order struct {
	User string `json:"user"`
	// Amount in cents; nil where it is missing.
	Amount *int64 `json:"amount"`
}

// Rated is what leaves.
type Rated struct {
	User   string `json:"user"`
	Amount int64  `json:"amount"`
	Large  bool   `json:"large"`
}

// Config is the operator's `config`.
type Config struct {
	// Large: orders of this amount or more are, in cents.
	Large int64 `json:"large"`
}

func rate(order Order, config *Config) (Rated, error) {
	if order.Amount == nil {
		return Rated{}, errors.New("the order has no amount")
	}
	return Rated{order.User, *order.Amount, *order.Amount >= config.Large}, nil
}

func init() { sluicebox.Map(rate) }

func main() {}
