module github.com/concordat-ledger/concordat/contracts-sdk/go

go 1.24
