module spend-per-user

go 1.24

require sluicebox v0.0.0

replace sluicebox => ../../../sdk/go
