package storage

import (
	"fmt"
	"os"
	"path/filepath"
)

// takeOver prepares what a crash left for Badger, which refuses to open, or ends
// the process, over two things.
//
// A file without a byte: logs are created and deleted in two steps, and a crash
// can come between (dgraph-io/badger issue 2207, open with v4.9). It holds nothing.
//
// A log of a larger memtable, written before MemTableBytes was lowered: Badger
// reads a log into a memtable of the present size. It is turned into tables.
func takeOver(path string, opt Options) error {
	largest := int64(0)
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		files, err := filepath.Glob(filepath.Join(path, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			info, err := os.Stat(file)
			if err == nil && info.Size() == 0 {
				err = os.Remove(file)
			}
			if err != nil {
				return fmt.Errorf("open the store: %w", err)
			}
			// A log is born with twice its memtable's size; one that an earlier
			// start cut has at most a memtable and a transaction.
			n := info.Size()
			if pattern == "*.mem" && n > largest && n != 2*opt.MemTableBytes && n > opt.MemTableBytes/100*115 {
				largest = n
			}
		}
	}
	if largest == 0 {
		return nil
	}
	opt.Logger.Info("the logs of larger memtables are taken over", "dir", path, "bytes", largest)
	opt.MemTableBytes = 2 * largest // small records take more room in the memtable than in the log
	db, err := openBadger(badgerOptions(path, opt))
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("take over the logs of %s: %w", path, err)
	}
	return nil
}
