package node

import (
	"context"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"interop/wire"
)

// firstID is the first id of a client that can be called back and has none of its own.
const firstID = 1 << 20

// Server serves a recorder on the ordered stream.
type Server struct {
	wire.UnimplementedGorumsServer
	recorder *Recorder
	mu       sync.Mutex
	peers    map[uint32]*target
	ever     uint32
}

func NewServer(recorder *Recorder) *Server {
	return &Server{recorder: recorder, peers: map[uint32]*target{}}
}

// Serve serves until it fails. Limits are those of gRPC: 4 MiB for a message that comes.
func (s *Server) Serve(listener net.Listener) error {
	server := grpc.NewServer()
	wire.RegisterGorumsServer(server, s)
	return server.Serve(listener)
}

// NodeStream sends its headers with its first message, as gRPC for Go does when nothing is said.
func (s *Server) NodeStream(stream wire.Gorums_NodeStreamServer) error {
	headers, _ := metadata.FromIncomingContext(stream.Context())
	s.recorder.meet(headers)
	ctx, cancel := context.WithCancel(stream.Context())
	l := newLine(stream, s.recorder, 0, nil)
	if ids := headers.Get("gorums-node-id"); len(ids) > 0 {
		l.back = s.admit(ids[0])
		l.calls = l.back.calls
		defer s.leave(l.back)
	}
	return l.run(ctx, cancel)
}

// admit makes a client one that can be called back. An id that does not parse counts as 0, and 0 as
// none.
func (s *Server) admit(claimed string) *target {
	id, _ := strconv.ParseUint(claimed, 10, 32)
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == 0 {
		id = uint64(firstID + s.ever)
		s.ever++
	}
	peer := &target{id: uint32(id), calls: make(chan *call, maxQueued)}
	s.peers[peer.id] = peer
	return peer
}

func (s *Server) leave(peer *target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peers[peer.id] == peer {
		delete(s.peers, peer.id)
	}
}

// Targets are the clients that can be called back now, in the order of their ids.
func (s *Server) Targets() []*target {
	s.mu.Lock()
	defer s.mu.Unlock()
	targets := []*target{}
	for _, id := range slices.Sorted(maps.Keys(s.peers)) {
		targets = append(targets, s.peers[id])
	}
	return targets
}

// Bit marks the calls of a server.
func (*Server) Bit() uint64 { return fromServer }
