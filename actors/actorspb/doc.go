// Package actorspb holds what actors say to each other: generated messages for
// those that cross the bus, and plain types for those that stay in a process.
// Nothing here is ever signed, and only a commit's proof is stored.
package actorspb
