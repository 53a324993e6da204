module github.com/concordat-ledger/concordat/integration/cluster/testdata/large

go 1.24

require github.com/concordat-ledger/concordat/contracts-sdk/go v0.0.0

replace github.com/concordat-ledger/concordat/contracts-sdk/go => ../../../../contracts-sdk/go
