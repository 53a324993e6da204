package storage

import (
	"bytes"
	"slices"
	"sort"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/y"
)

// levels are Badger's tables in the order in which a key is looked for: below the newest
// ones, which overlap, each level has its tables side by side.
type levels struct {
	overlapping []placedTable
	sorted      [][]placedTable // by level: in the order of their keys, which do not overlap
}

// placedTable is a table with its first and its last key.
type placedTable struct {
	id          uint64
	left, right []byte
}

func newLevels(all []badger.TableInfo) *levels {
	byLevel := map[int][]placedTable{}
	for i := range all {
		t := &all[i]
		byLevel[t.Level] = append(byLevel[t.Level], placedTable{id: t.ID, left: y.ParseKey(t.Left), right: y.ParseKey(t.Right)})
	}
	l := &levels{}
	for level, tables := range byLevel {
		slices.SortFunc(tables, func(a, b placedTable) int { return bytes.Compare(a.left, b.left) })
		if level == 0 || !sideBySide(tables) {
			l.overlapping = append(l.overlapping, tables...)
		} else {
			l.sorted = append(l.sorted, tables)
		}
	}
	return l
}

// sideBySide reports whether no table reaches over the beginning of the next one. That is
// Badger's rule; a list that breaks it is searched through.
func sideBySide(tables []placedTable) bool {
	for i := range tables {
		if bytes.Compare(tables[i].left, tables[i].right) > 0 || i > 0 && bytes.Compare(tables[i-1].right, tables[i].left) > 0 {
			return false
		}
	}
	return true
}

// between calls fn for each table in which a key between two can stand, both included.
func (l *levels) between(from, to []byte, fn func(id uint64) error) error {
	for i := range l.overlapping {
		t := &l.overlapping[i]
		if bytes.Compare(to, t.left) < 0 || bytes.Compare(from, t.right) > 0 {
			continue
		}
		if err := fn(t.id); err != nil {
			return err
		}
	}
	for _, tables := range l.sorted {
		i := sort.Search(len(tables), func(i int) bool { return bytes.Compare(tables[i].right, from) >= 0 })
		for ; i < len(tables) && bytes.Compare(tables[i].left, to) <= 0; i++ {
			if err := fn(tables[i].id); err != nil {
				return err
			}
		}
	}
	return nil
}
