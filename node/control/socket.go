package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const (
	folder     = "control" // of the replica's folder, for its owner alone
	socketFile = "socket"
)

// pathBytesMax is what a Unix socket's address can hold.
const pathBytesMax = 100

// errLong means that nobody can listen in a folder.
var errLong = errors.New("the path is too long for a socket")

// address is where the socket of a replica's folder is reached, until done is called. A long
// path goes by way of the open folder, which Linux gives a short name.
func address(home string) (path string, done func(), err error) {
	dir := filepath.Join(home, folder)
	path = filepath.Join(dir, socketFile)
	if len(path) <= pathBytesMax {
		return path, func() {}, nil
	}
	d, err := os.Open(dir) // #nosec G304 -- the operator names the folder
	if err != nil {
		return "", nil, err
	}
	short := filepath.Join("/proc/self/fd", strconv.FormatUint(uint64(d.Fd()), 10))
	if _, err := os.Stat(short); err != nil {
		return "", nil, errors.Join(fmt.Errorf("%w: %s", errLong, path), d.Close())
	}
	return filepath.Join(short, socketFile), func() { _ = d.Close() }, nil // it was only looked up
}

// listen makes the socket. The caller has the replica's store, so that an old socket has
// no owner any more.
func listen(home string) (*net.UnixListener, error) {
	dir := filepath.Join(home, folder)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	// #nosec G302 -- a folder
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Remove(filepath.Join(dir, socketFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	path, done, err := address(home)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // by then it may be another one's
	return l, errors.Join(os.Chmod(filepath.Join(dir, socketFile), 0o600))
}

// ErrNotRunning means that no replica answers in a folder.
var ErrNotRunning = errors.New("no replica is running in this folder")

// dial reaches the replica. Only a socket that is not there, that cannot be there, or that
// nobody listens at means that none runs: whoever may not use the socket must not think so.
func dial(home string) (net.Conn, error) {
	path, done, err := address(home)
	if err != nil {
		return nil, notRunning(err)
	}
	defer done()
	c, err := net.Dial("unix", path)
	if err != nil {
		return nil, notRunning(err)
	}
	return c, nil
}

func notRunning(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, errLong) {
		return fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	return fmt.Errorf("reach the replica of this folder: %w", err)
}
