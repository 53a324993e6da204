package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/nats-io/nats.go"

	"github.com/concordat-ledger/concordat/bus"
)

const (
	dialTimeout     = 2 * time.Second
	flusherTimeout  = time.Second // a peer that stops reading is given up after this
	reconnectFirst  = 20 * time.Millisecond
	reconnectMax    = 2 * time.Second
	pingInterval    = 5 * time.Second
	pingsUnanswered = 2
)

// pump owns one outgoing connection: it dials with backoff, drains the outbox
// into it, and dials again when it is lost.
func (l *Links) pump(ctx context.Context, p *peer, class bus.Class) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = reconnectFirst, reconnectMax
	for ctx.Err() == nil {
		conn, lost, err := l.dial(p, class)
		if err != nil {
			p.setOnline(class, false, err)
			select {
			case <-ctx.Done():
			case <-time.After(wait.NextBackOff()):
			}
			continue
		}
		wait.Reset()
		p.setOnline(class, true, nil)
		l.metrics.connected(p.member.ID, class, true)
		err = l.drain(ctx, conn, lost, p, class)
		conn.Close()
		p.setOnline(class, false, err)
		l.metrics.connected(p.member.ID, class, false)
	}
}

func (p *peer) setOnline(class bus.Class, online bool, err error) {
	p.mu.Lock()
	p.online[class] = online
	if err != nil || online {
		p.last = err
	}
	p.mu.Unlock()
}

func (l *Links) dial(p *peer, class bus.Class) (*nats.Conn, <-chan struct{}, error) {
	key, err := l.cfg.Identity.KeyPair()
	if err != nil {
		return nil, nil, err
	}
	public, err := key.PublicKey()
	if err != nil {
		return nil, nil, fmt.Errorf("read the own NKey: %w", err)
	}
	lost := make(chan struct{})
	conn, err := nats.Connect("tls://"+p.member.Address,
		nats.Name(string(l.cfg.Self)+"/"+class.String()), nats.Nkey(public, key.Sign), nats.Secure(l.tlsConfig(p.member)),
		nats.NoReconnect(), nats.Timeout(dialTimeout), nats.FlusherTimeout(flusherTimeout), nats.ReconnectBufSize(-1),
		nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(pingsUnanswered),
		nats.ClosedHandler(func(*nats.Conn) { close(lost) }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		return nil, nil, fmt.Errorf("connect to %s at %s: %w", p.member.ID, p.member.Address, err)
	}
	return conn, lost, nil
}

var errLost = errors.New("the connection was lost")

// drain publishes until the connection is lost or the links are closed. Nothing
// waits for a timer: the library flushes as soon as it is idle.
func (l *Links) drain(ctx context.Context, conn *nats.Conn, lost <-chan struct{}, p *peer, class bus.Class) error {
	for {
		m, ok := p.out[class].pop()
		if !ok {
			select {
			case <-ctx.Done():
				return nil
			case <-lost:
				return errLost
			case <-p.out[class].wake:
			}
			continue
		}
		if err := conn.Publish(bus.Subject(l.cfg.Ledger, l.cfg.Self, class, m.target), m.payload); err != nil {
			l.metrics.drop(p.member.ID, class, bus.DropConnection)
			return fmt.Errorf("publish to %s: %w", p.member.ID, err)
		}
		l.metrics.sent(p.member.ID, class, len(m.payload))
	}
}
