package storage

// CheckRoom refuses to write so many bytes into a folder whose disk would then have less
// than a store needs; least 0 stands for the default. Errors: *DiskFullError.
func CheckRoom(dir string, least, need uint64) error {
	if least == 0 {
		least = FreeBytesMinDefault
	}
	free, err := freeBytes(dir)
	if err != nil {
		return err
	}
	if free < least+need {
		return &DiskFullError{Dir: dir, Free: free, FreeBytes: least + need}
	}
	return nil
}
