package server

import (
	"fmt"
	"log/slog"
	"strings"

	nats "github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/concordat-ledger/concordat/bus"
)

// ApplicationConfig of the server for an organisation's applications.
type ApplicationConfig struct {
	Name           string
	ListenAddress  string
	AllowAnonymous bool     // anyone who reaches the address may ask; for a local network
	Users          []string // public NKeys of applications otherwise
	BytesMax       int      // of one request
	Logger         *slog.Logger
}

// Application is a running server for applications. It is another server than
// the one for members, so that a client's bug cannot take consensus down.
type Application struct {
	nats  *nats.Server
	own   string
	open  bool
	users map[string]bool
	conn  *client.Conn
}

// StartApplication runs the server until Close.
func StartApplication(cfg ApplicationConfig) (*Application, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	host, port, err := splitAddress(cfg.ListenAddress)
	if err != nil {
		return nil, err
	}
	if cfg.BytesMax == 0 {
		cfg.BytesMax = bus.DefaultLimits().BulkBytesMax
	}
	a := &Application{own: randomToken(), open: cfg.AllowAnonymous, users: map[string]bool{}}
	for _, u := range cfg.Users {
		a.users[u] = true
	}
	opts := &nats.Options{ServerName: cfg.Name, Host: host, Port: port, NoSigs: true, NoLog: true, NoSystemAccount: true,
		MaxPayload: int32(cfg.BytesMax), WriteDeadline: writeDeadline, MaxControlLine: 4096, MaxConn: 10_000, // #nosec G115 -- a few MiB
		CustomClientAuthentication: a, AlwaysEnableNonce: true}
	if a.nats, err = startServer(opts, cfg.Logger, func(string) {}); err != nil {
		return nil, fmt.Errorf("start the server for applications on %s: %w", cfg.ListenAddress, err)
	}
	a.conn, err = client.Connect("", client.InProcessServer(a.nats), client.UserInfo("own", a.own), client.Name("service"))
	if err != nil {
		a.nats.Shutdown()
		return nil, fmt.Errorf("connect to the own server for applications: %w", err)
	}
	return a, nil
}

// Check implements the server's custom authentication.
func (a *Application) Check(c nats.ClientAuthentication) bool {
	opts := c.GetOpts()
	if opts.Password == a.own {
		c.RegisterUser(&nats.User{Username: "own"})
		return true
	}
	name := "anonymous"
	if opts.Nkey != "" {
		if !a.users[opts.Nkey] || !nkeyHolds(c) {
			return false
		}
		name = opts.Nkey
	} else if !a.open {
		return false
	}
	c.RegisterUser(&nats.User{Username: name, Permissions: &nats.Permissions{
		Publish:   &nats.SubjectPermission{Allow: []string{ServicePrefix + ">", "$SRV.>"}},
		Subscribe: &nats.SubjectPermission{Allow: []string{"_INBOX.>"}},
	}})
	return true
}

// URL is where applications connect.
func (a *Application) URL() string { return "nats://" + a.nats.Addr().String() }

// ServicePrefix begins the subjects of the service's endpoints.
const ServicePrefix = "concordat."

// Request is one call of the service. Reply must be called once, from any
// goroutine.
type Request struct {
	Endpoint string
	JSON     bool // the body is JSON, and so must the reply be
	Body     []byte
	Reply    func(body []byte)
	Fail     func(code, text string)
}

// Serve answers requests to the endpoints until Close. The handler must not
// block; it may reply later.
func (a *Application) Serve(version string, endpoints map[string]string, handler func(Request)) error {
	s, err := micro.AddService(a.conn, micro.Config{Name: "concordat", Version: version,
		Description: "A client node of a Concordat ledger. Bodies are protobuf, or JSON when they begin with a brace."})
	if err != nil {
		return fmt.Errorf("offer the service: %w", err)
	}
	for name, description := range endpoints {
		h := micro.HandlerFunc(func(r micro.Request) {
			isJSON := strings.HasPrefix(strings.TrimSpace(string(r.Data()[:min(len(r.Data()), 16)])), "{") ||
				strings.Contains(r.Headers().Get("Content-Type"), "json")
			handler(Request{Endpoint: name, JSON: isJSON, Body: r.Data(),
				Reply: func(b []byte) { _ = r.Respond(b) }, // the caller is gone: nobody to tell
				Fail:  func(code, text string) { _ = r.Error(code, text, nil) }})
		})
		if err := s.AddEndpoint(name, h, micro.WithEndpointSubject(ServicePrefix+name),
			micro.WithEndpointMetadata(map[string]string{"description": description})); err != nil {
			return fmt.Errorf("offer %s: %w", name, err)
		}
	}
	return nil
}

// Close ends the service and the server.
func (a *Application) Close() {
	a.conn.Close()
	a.nats.Shutdown()
	a.nats.WaitForShutdown()
}
