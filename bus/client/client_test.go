package client_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// deaf is a server that takes every request and answers none; heard has the subjects.
// With hangUp it ends the connection over a request.
func deaf(t *testing.T, hangUp bool) (url string, heard <-chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	subjects := make(chan string, 100)
	serve := func(conn net.Conn) {
		defer func() { _ = conn.Close() }() // the other side may have done so
		_, _ = fmt.Fprintf(conn, "INFO {\"server_id\":\"deaf\",\"version\":\"2.10.0\",\"headers\":true,\"max_payload\":1048576}\r\n")
		for in := bufio.NewScanner(conn); in.Scan(); {
			switch words := strings.Fields(in.Text()); {
			case len(words) == 1 && words[0] == "PING":
				_, _ = fmt.Fprintf(conn, "PONG\r\n")
			case len(words) > 1 && strings.HasSuffix(words[0], "PUB"):
				subjects <- words[1]
				if hangUp {
					return
				}
			}
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return "nats://" + l.Addr().String(), subjects
}

func connect(t *testing.T, url string, timeout time.Duration) (*client.Client, []byte) {
	key, err := signature.FromSeed(make([]byte, 32))
	require.NoError(t, err)
	c, err := client.Connect(t.Context(), client.Options{URL: url, LedgerID: ledger.ID{1}, LedgerKey: []byte{1}, Timeout: timeout})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, client.Signer{Party: "alice@org0", Key: key}.Sign(c.LedgerID(), client.Call{Contract: "concordat", Method: "note"})
}

// Whoever gives up waiting for a transaction that was sent does not know what became of
// it, just as one whom time or the connection ran out.
func TestATransactionThatWasSentAndNotAnsweredHasAnUnknownOutcome(t *testing.T) {
	url, heard := deaf(t, false)
	c, envelope := connect(t, url, 50*time.Millisecond)
	_, err := c.Submit(t.Context(), envelope)
	require.ErrorIs(t, err, client.ErrUnknownOutcome, "time ran out")
	require.Equal(t, "concordat.submit", <-heard)

	c, envelope = connect(t, url, time.Minute)
	ctx, giveUp := context.WithCancel(t.Context())
	go func() {
		<-heard
		giveUp()
	}()
	_, err = c.Submit(ctx, envelope)
	require.ErrorIs(t, err, client.ErrUnknownOutcome, "its caller gave up")

	url, _ = deaf(t, true)
	c, envelope = connect(t, url, time.Second)
	_, err = c.Submit(t.Context(), envelope)
	require.ErrorIs(t, err, client.ErrUnknownOutcome, "the connection ended")
}

func TestATransactionOfOneWhoHadGivenUpIsNotSent(t *testing.T) {
	url, heard := deaf(t, false)
	c, envelope := connect(t, url, time.Minute)
	ctx, giveUp := context.WithCancel(t.Context())
	giveUp()
	_, err := c.Submit(ctx, envelope)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, client.ErrUnknownOutcome)
	require.Empty(t, heard)
}

// A server that takes the connection and says nothing holds up nobody who gave up.
func TestWhoGivesUpConnectingNeedNotWaitForTheServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	ctx, giveUp := context.WithCancel(t.Context())
	go func() {
		conn, err := l.Accept()
		giveUp()
		if err == nil {
			<-t.Context().Done() // says nothing until the test ends
			_ = conn.Close()
		}
	}()
	begun := time.Now()
	_, err = client.Connect(ctx, client.Options{URL: "nats://" + l.Addr().String(), Timeout: time.Minute})
	require.ErrorIs(t, err, client.ErrUnreachable)
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(begun), 30*time.Second)
}
