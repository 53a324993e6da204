package main

import (
	"bytes"
	"strconv"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

// hold reads more than the SDK has room for at hand, in pieces of very different sizes,
// and tells whether each is still what it was when all are read, and others hashed,
// written and told meanwhile.
func hold(c *concordat.Context) string {
	key := func(i int) []byte { return []byte("hold" + strconv.Itoa(i)) }
	value := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, i*i*7%5000+1) }
	var held [][]byte
	for i := range 60 {
		c.Put(key(i), value(i))
	}
	for i := range 60 {
		v, _ := c.Get(key(i))
		held = append(held, v)
		sum := c.SHA256(v)
		c.Put(key(i), sum[:])
		if i%20 == 0 {
			c.Emit("held", &script{strconv.Itoa(i)})
		}
	}
	for i, v := range held {
		if !bytes.Equal(v, value(i)) {
			return "lost" + strconv.Itoa(i)
		}
		c.Delete(key(i))
	}
	return "held"
}
