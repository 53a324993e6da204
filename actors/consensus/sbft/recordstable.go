package sbft

// ParseStable reads the record of the highest certified checkpoint, for those who look at
// a vote log without being its replica.
func ParseStable(r Record) (Checkpoint, error) {
	c, _, err := parseStableRecord(r)
	return c, err
}
