package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/config"
)

// genesisPath is the genesis file that was named, or that of the network's folder.
func genesisPath(f *flags, named string) string {
	if named == "" && f.dir != "" {
		return filepath.Join(f.dir, config.GenesisFile)
	}
	return named
}

// foundation is a genesis file, read.
type foundation struct {
	raw     []byte
	genesis *ledger.Genesis
	id      ledger.ID
}

// readGenesis reads a genesis file; errors name it.
func readGenesis(path string) (*foundation, error) {
	raw, err := os.ReadFile(path) // #nosec G304 -- the user names the file
	if err != nil {
		return nil, fmt.Errorf("read genesis: %w", err)
	}
	g, id, err := ledger.ParseGenesis(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &foundation{raw, g, id}, nil
}

// namedGenesis reads the genesis file that a command was given.
func namedGenesis(f *flags, named string) ([]byte, error) {
	path := genesisPath(f, named)
	if path == "" {
		return nil, &exitError{code: exitUsage, err: errors.New("say which ledger to trust: --genesis FILE")}
	}
	g, err := readGenesis(path)
	if err != nil {
		return nil, err
	}
	return g.raw, nil
}
