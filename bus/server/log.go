package server

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/concordat-ledger/concordat/bus"
)

// logAdapter gives the server's log to slog and counts the violations in it; the
// server reports them nowhere else.
type logAdapter struct {
	logger  *slog.Logger
	onError func(reason string)
}

func (l *logAdapter) Noticef(string, ...any) {}
func (l *logAdapter) Debugf(string, ...any)  {}
func (l *logAdapter) Tracef(string, ...any)  {}

func (l *logAdapter) Warnf(format string, args ...any) {
	l.logger.Debug("bus server warning", "text", fmt.Sprintf(format, args...))
}

func (l *logAdapter) Fatalf(format string, args ...any) {
	l.logger.Error("bus server cannot go on", "text", fmt.Sprintf(format, args...))
}

func (l *logAdapter) Errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.logger.Debug("bus server error", "text", text)
	switch {
	case strings.Contains(text, "Publish Violation"), strings.Contains(text, "Subscription Violation"):
		l.onError(string(bus.DropPermission))
	case strings.Contains(text, "maximum payload"), strings.Contains(text, "Maximum Payload"):
		l.onError(string(bus.DropOversize))
	}
}
