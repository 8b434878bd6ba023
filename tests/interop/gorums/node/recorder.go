package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"interop/wire"
)

// Recorder does what `tests/proto/recorder.proto` says, and notes what it was sent.
type Recorder struct {
	mu   sync.Mutex
	seen Seen
	// gate is what a handler told to wait waits for.
	gate chan struct{}
}

// Seen is what came on the wire.
type Seen struct {
	// Noted are the numbers that handlers noted.
	Noted []uint64 `json:"noted"`
	// Entries and Headers are the keys of all that came.
	Entries []string `json:"entries"`
	Headers []string `json:"headers"`
	// Messages counts requests, Nameless those without a method, Streams the streams.
	Messages int `json:"messages"`
	Nameless int `json:"nameless"`
	Streams  int `json:"streams"`
}

func NewRecorder() *Recorder {
	return &Recorder{gate: make(chan struct{}, 1<<20)}
}

// Request is what a handler is given.
type Request struct {
	context.Context
	Method  string
	Item    wire.Item
	Reply   func(*wire.Item)
	Release func()
	back    *target
}

func (r *Recorder) handle(request *Request) (*wire.Item, error) {
	name, ok := strings.CutPrefix(request.Method, "recorder.Recorder.")
	switch {
	case !ok:
	case name == "Record":
		return r.note(request), nil
	case slices.Contains([]string{"Ask", "AskBeside", "AskAgain"}, name):
		return r.act(request)
	case name == "Watch":
		return r.watch(request)
	case slices.Contains([]string{"Beat", "Tell", "Note"}, name):
		r.note(request)
		return nil, nil
	}
	return nil, status.Errorf(codes.Unimplemented, "unknown method %s", request.Method)
}

// act does what the text says, then notes the number.
func (r *Recorder) act(request *Request) (*wire.Item, error) {
	reply := &wire.Item{Number: request.Item.GetNumber(), Text: request.Item.GetText()}
	switch request.Item.GetText() {
	case "wait":
		<-r.gate
	case "release":
		request.Release()
		<-r.gate
	case "fail":
		return nil, status.Error(codes.NotFound, "no such item")
	case "plain":
		return nil, errors.New("without a code")
	case "large":
		reply.Text = strings.Repeat("x", 5*1024*1024)
	case "metadata":
		headers, _ := metadata.FromIncomingContext(request)
		reply.Text = strings.Join(headers.Get("key"), ",")
	case "back":
		if request.back == nil {
			return nil, status.Error(codes.FailedPrecondition, "you can't be called")
		}
		// The method that was called here, as a call to there; it must answer, not call back again.
		ctx, cancel := context.WithTimeout(request, 10*time.Second)
		defer cancel()
		asked := Ask{Method: request.Method, Number: reply.Number + 1000, Replies: 1}
		back := ask(ctx, []*target{request.back}, fromServer, asked)()[0]
		reply.Text = fmt.Sprintf("%d %s", back.Number, back.Message)
	}
	r.note(request)
	return reply, nil
}

// watch answers 1, 2, … up to the number, and then with an error if told to.
func (r *Recorder) watch(request *Request) (*wire.Item, error) {
	for number := range request.Item.GetNumber() {
		request.Reply(&wire.Item{Number: number + 1})
	}
	if request.Item.GetText() == "fail" {
		return nil, status.Error(codes.Aborted, "told to")
	}
	return nil, nil
}

func (r *Recorder) note(request *Request) *wire.Item {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.Noted = append(r.seen.Noted, request.Item.GetNumber())
	return &request.Item
}

func (r *Recorder) see(message *wire.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.Messages++
	if message.GetMethod() == "" {
		r.seen.Nameless++
	}
	for _, entry := range message.GetEntry() {
		r.seen.Entries = append(r.seen.Entries, entry.GetKey())
	}
}

func (r *Recorder) meet(headers metadata.MD) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.Streams++
	for key := range headers {
		r.seen.Headers = append(r.seen.Headers, key)
	}
}
