module github.com/concordat-ledger/concordat/contracts-sdk/examples/claims/go

go 1.24

require github.com/concordat-ledger/concordat/contracts-sdk/go v0.0.0

replace github.com/concordat-ledger/concordat/contracts-sdk/go => ../../../go
