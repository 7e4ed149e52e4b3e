// Keeps orders of at least `minimum` cents in a known currency. Bad JSON is a row error, an unwanted order is not.
package main

import (
	"slices"

	"sluicebox"
)

// Order has the fields that are needed.
type Order struct {
	Amount   *int64  `json:"amount" sluicebox:"required"`
	Currency *string `json:"currency" sluicebox:"required"`
}

// Config is the operator's `config`.
type Config struct {
	// Minimum is the smallest amount to keep, in cents; 1 where it is not given.
	Minimum *int64 `json:"minimum"`
	// Currencies that are known; some where none are given.
	Currencies []string `json:"currencies"`
}

// Check fills in what is not given.
func (c *Config) Check() error {
	if c.Minimum == nil {
		one := int64(1)
		c.Minimum = &one
	}
	if c.Currencies == nil {
		c.Currencies = []string{"EUR", "USD", "GBP"}
	}
	return nil
}

func valid(order Order, config *Config) (bool, error) {
	return *order.Amount >= *config.Minimum && slices.Contains(config.Currencies, *order.Currency), nil
}

func init() { sluicebox.Filter(valid) }

func main() {}
