package wasm

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What one goroutine is writing is not taken away by another that checks the folder; only
// a new engine, for whom nobody writes, tidies up.
func TestHalfWrittenCodeIsLeftAloneUntilTheNextStart(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "wazero"), 0o700))
	half := filepath.Join(dir, "wazero", "abc.123.tmp")
	require.NoError(t, os.WriteFile(half, []byte("half"), 0o600))
	c := &cacheFolder{dir: dir, most: cacheBytesMax}
	require.NoError(t, c.check())
	require.NoError(t, c.seal())
	require.FileExists(t, half)
	require.NoFileExists(t, half+sumSuffix)
	require.NoError(t, c.begin())
	require.NoFileExists(t, half)
}

// The folder does not grow for ever: the oldest go, with their checksums.
func TestTheFolderOfCompiledCodeIsBounded(t *testing.T) {
	dir := t.TempDir()
	c := &cacheFolder{dir: dir, most: 250}
	for i, name := range []string{"oldest", "old", "new", "newest"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, make([]byte, 100), 0o600))
		at := time.Unix(int64(1000*i), 0)
		require.NoError(t, os.Chtimes(path, at, at))
		require.NoError(t, c.seal())
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, f := range left {
		names = append(names, f.Name())
	}
	require.Equal(t, []string{"new", "new" + sumSuffix, "newest", "newest" + sumSuffix}, names)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "large"), make([]byte, 1000), 0o600))
	require.NoError(t, c.seal())
	require.FileExists(t, filepath.Join(dir, "large"), "one is always kept")
}
