// Package node speaks the ordered stream of Gorums with gRPC for Go. It follows Gorums where bytes
// and their order are concerned; README.md says what it is for.
package node

import (
	"context"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"interop/wire"
)

// fromServer marks the calls of a server to its client.
const fromServer = uint64(1) << 63

// maxQueued is how many requests wait for a handler, or to be sent, before their producer waits.
const maxQueued = 4096

// stream is either end of a gRPC stream.
type stream interface {
	Send(*wire.Message) error
	Recv() (*wire.Message, error)
}

// line is one stream, seen from one of its ends.
type line struct {
	stream   stream
	recorder *Recorder // nil where the peer's requests are dropped
	// asks is the bit that requests of the peer have in their number.
	asks  uint64
	calls <-chan *call
	// back calls the peer, where it can be called.
	back *target

	answers  chan *wire.Message
	requests chan *wire.Message
	mu       sync.Mutex
	pending  map[uint64]*call
}

func newLine(stream stream, recorder *Recorder, asks uint64, calls <-chan *call) *line {
	return &line{
		stream: stream, recorder: recorder, asks: asks, calls: calls,
		answers:  make(chan *wire.Message, maxQueued),
		requests: make(chan *wire.Message, maxQueued),
		pending:  map[uint64]*call{},
	}
}

// run carries messages both ways until the stream ends.
func (l *line) run(ctx context.Context, cancel context.CancelFunc) error {
	defer cancel()
	go func() {
		// A stream that can't be written is given up.
		defer cancel()
		l.write(ctx)
	}()
	go l.handleInTurn(ctx)
	for {
		message, err := l.stream.Recv()
		if err != nil {
			return err
		}
		l.receive(ctx, message)
	}
}

func (l *line) write(ctx context.Context) {
	for {
		var message *wire.Message
		var oneWay *call
		select {
		case <-ctx.Done():
			return
		case message = <-l.answers:
		case call := <-l.calls:
			if err := call.ctx.Err(); err != nil {
				call.fail(err)
				continue
			}
			if call.oneWay {
				oneWay = call
			} else {
				l.mu.Lock()
				l.pending[call.message.GetMessageSeqNo()] = call
				l.mu.Unlock()
			}
			message = call.message
		}
		err := l.stream.Send(message)
		if oneWay != nil {
			oneWay.reply(Reply{})
		}
		if err != nil {
			return
		}
	}
}

// receive takes a message for a request or for a reply, by its number alone.
func (l *line) receive(ctx context.Context, message *wire.Message) {
	number := message.GetMessageSeqNo()
	// A client without an id is never called back, so all that it sends are requests.
	if plain := l.asks == 0 && l.back == nil; plain || number&fromServer == l.asks {
		if l.recorder != nil {
			select {
			case l.requests <- message:
			case <-ctx.Done():
			}
		}
		return
	}
	l.mu.Lock()
	call := l.pending[number]
	if call != nil && !call.streaming {
		delete(l.pending, number)
	}
	l.mu.Unlock()
	if call != nil {
		call.deliver(message)
	}
}

// handleInTurn begins a handler when the one before it has returned or released.
func (l *line) handleInTurn(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case request := <-l.requests:
			released := make(chan struct{})
			go l.handle(ctx, request, sync.OnceFunc(func() { close(released) }))
			select {
			case <-released:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (l *line) handle(ctx context.Context, message *wire.Message, release func()) {
	defer release()
	l.recorder.see(message)
	for _, entry := range message.GetEntry() {
		ctx = metadata.NewIncomingContext(ctx, withEntry(ctx, entry))
	}
	request := &Request{
		Context: ctx, Method: message.GetMethod(), Release: release, back: l.back,
		Reply: func(item *wire.Item) { l.answer(ctx, message, item, nil) },
	}
	err := proto.Unmarshal(message.GetPayload(), &request.Item)
	if err != nil {
		err = status.Error(codes.Internal, err.Error())
	} else {
		var reply *wire.Item
		if reply, err = l.recorder.handle(request); err == nil && reply == nil {
			return
		} else if err == nil {
			request.Reply(reply)
			return
		}
	}
	l.answer(ctx, message, nil, err)
}

// answer repeats the number, the method and the metadata of the request, as Gorums does.
func (l *line) answer(ctx context.Context, request *wire.Message, item *wire.Item, err error) {
	payload, _ := proto.Marshal(item)
	reply := &wire.Message{
		MessageSeqNo: request.GetMessageSeqNo(),
		Method:       request.GetMethod(),
		Entry:        request.GetEntry(),
		Payload:      payload,
	}
	if err != nil {
		reply.Status = status.Convert(err).Proto()
	}
	select {
	case l.answers <- reply:
	case <-ctx.Done():
	}
}

func withEntry(ctx context.Context, entry *wire.MetadataEntry) metadata.MD {
	headers, _ := metadata.FromIncomingContext(ctx)
	headers = headers.Copy()
	headers.Append(entry.GetKey(), entry.GetValue())
	return headers
}
