// Renames `amount` to `amount_cents` and adds what it is worth in another currency, by the configured rates.
package main

import (
	"errors"
	"fmt"
	"math"

	"sluicebox"
)

// Order is what comes.
type Order struct {
	Order    *uint64 `json:"order" sluicebox:"required"`
	User     *string `json:"user" sluicebox:"required"`
	Amount   *int64  `json:"amount" sluicebox:"required"`
	Currency *string `json:"currency" sluicebox:"required"`
	Item     *string `json:"item" sluicebox:"required"`
}

// Enriched is what leaves.
type Enriched struct {
	Order         uint64 `json:"order"`
	User          string `json:"user"`
	Item          string `json:"item"`
	AmountCents   int64  `json:"amount_cents"`
	Currency      string `json:"currency"`
	ValueCents    int64  `json:"value_cents"`
	ValueCurrency string `json:"value_currency"`
}

// Config is the operator's `config`.
type Config struct {
	// Currency that values are given in.
	Currency string `json:"currency"`
	// Rates are what one unit of another currency is worth in it.
	Rates map[string]float64 `json:"rates"`
}

// Check refuses a config without a currency.
func (c *Config) Check() error {
	if c.Currency == "" {
		return errors.New("missing field `currency`")
	}
	return nil
}

func enrich(order Order, config *Config) (Enriched, error) {
	rate, ok := config.Rates[*order.Currency]
	if !ok {
		if *order.Currency != config.Currency {
			return Enriched{}, fmt.Errorf("no rate for currency %s", *order.Currency)
		}
		rate = 1
	}
	return Enriched{
		Order:         *order.Order,
		User:          *order.User,
		Item:          *order.Item,
		AmountCents:   *order.Amount,
		Currency:      *order.Currency,
		ValueCents:    int64(math.Round(float64(*order.Amount) * rate)),
		ValueCurrency: config.Currency,
	}, nil
}

func init() { sluicebox.Map(enrich) }

func main() {}
