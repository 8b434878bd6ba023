package node

import (
	"context"
	"fmt"
	"sync/atomic"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"interop/wire"
)

// call is a request to one node, and where its replies go.
type call struct {
	ctx               context.Context
	message           *wire.Message
	oneWay, streaming bool
	// replies has room for one reply, of a streamed call for many.
	replies chan Reply
}

// Reply is what a node answered.
type Reply struct {
	Node    uint32 `json:"node"`
	Number  uint64 `json:"number"`
	Text    string `json:"text"`
	Code    int    `json:"code"`
	Message string `json:"message"`
	// Entries are those of the message, by their keys.
	Entries map[string]string `json:"entries"`
}

func (c *call) deliver(message *wire.Message) {
	if message.GetMethod() != c.message.GetMethod() {
		// Gorums looks the type of the reply up by its method.
		c.fail(fmt.Errorf("the reply to %q names %q", c.message.GetMethod(), message.GetMethod()))
		return
	}
	reply := Reply{Entries: map[string]string{}}
	for _, entry := range message.GetEntry() {
		reply.Entries[entry.GetKey()] = entry.GetValue()
	}
	if s := message.GetStatus(); s.GetCode() != 0 {
		reply.Code, reply.Message = int(s.GetCode()), s.GetMessage()
	} else {
		var item wire.Item
		if err := proto.Unmarshal(message.GetPayload(), &item); err != nil {
			c.fail(err)
			return
		}
		reply.Number, reply.Text = item.GetNumber(), item.GetText()
	}
	c.reply(reply)
}

func (c *call) fail(err error) {
	s := status.FromContextError(err)
	if inner, ok := status.FromError(err); ok {
		s = inner
	}
	c.reply(Reply{Code: int(s.Code()), Message: s.Message(), Entries: map[string]string{}})
}

func (c *call) reply(reply Reply) {
	select {
	case c.replies <- reply:
	default: // Nobody waits for so many.
	}
}

// target is a node that can be called.
type target struct {
	id    uint32
	calls chan *call
}

// numbers counts the calls of this process, as Gorums does: one number for all nodes of a call.
var numbers atomic.Uint64

// Ask is a call as a command describes it.
type Ask struct {
	Method   string            `json:"method"`
	Number   uint64            `json:"number"`
	Text     string            `json:"text"`
	Metadata map[string]string `json:"metadata"`
	// Replies is how many replies of each node are waited for; 0 for a one-way message.
	Replies int `json:"replies"`
	// Large is how many bytes the text has instead.
	Large int `json:"large"`
}

// ask queues a call for each target, and gives what waits for the replies.
func ask(ctx context.Context, targets []*target, bit uint64, a Ask) func() []Reply {
	text := a.Text
	if a.Large > 0 {
		text = string(make([]byte, a.Large))
	}
	payload, _ := proto.Marshal(&wire.Item{Number: a.Number, Text: text})
	message := &wire.Message{MessageSeqNo: numbers.Add(1) | bit, Method: a.Method, Payload: payload}
	for key, value := range a.Metadata {
		message.Entry = append(message.Entry, &wire.MetadataEntry{Key: key, Value: value})
	}
	calls := make([]*call, len(targets))
	for i, target := range targets {
		calls[i] = &call{
			ctx: ctx, message: message, oneWay: a.Replies == 0, streaming: a.Replies > 1,
			replies: make(chan Reply, max(a.Replies, 1)),
		}
		target.calls <- calls[i]
	}
	return func() []Reply {
		replies := []Reply{}
		if a.Replies == 0 {
			// Gorums, too, waits until a one-way message is handed to the stream.
			for _, call := range calls {
				<-call.replies
			}
		}
		for i, call := range calls {
			for range a.Replies {
				var reply Reply
				select {
				case reply = <-call.replies:
				case <-ctx.Done():
					call.fail(ctx.Err())
					reply = <-call.replies
				}
				reply.Node = targets[i].id
				replies = append(replies, reply)
				if reply.Code != 0 {
					break
				}
			}
		}
		return replies
	}
}
