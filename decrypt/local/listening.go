package local

import (
	"net"
	"sync"
)

// A listening connection reads only after its first write. A service without room
// answers before it is asked: package http would log that on standard error, and lose it.
type listening struct {
	net.Conn
	asked chan struct{}
	ask   func()
}

func newListening(conn net.Conn) *listening {
	asked := make(chan struct{})
	return &listening{conn, asked, sync.OnceFunc(func() { close(asked) })}
}

func (l *listening) Read(p []byte) (int, error) {
	<-l.asked
	return l.Conn.Read(p)
}

func (l *listening) Write(p []byte) (int, error) {
	defer l.ask()
	return l.Conn.Write(p)
}

func (l *listening) Close() error {
	defer l.ask()
	return l.Conn.Close()
}
