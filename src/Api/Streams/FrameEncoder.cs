using System.Text;
using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Api.Conversations;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Streams;

namespace Bsp.Api.Streams;

/// <summary>Frames as the contract writes them: the same JSON as GET answers, in one line (JSON has no line ends of its own).</summary>
public sealed class FrameEncoder : IFrameEncoder
{
    public byte[] Conversation(ConversationDocument document, Position at) => Frame("conversation", ConversationResponse.Of(document), at);

    // What Meta wrote of a customer's message is for whoever looks into that one message: a frame holds what is shown.
    public byte[] Message(MessageDocument document, Position at) => Frame("message", MessageResponse.Of(
        document.Direction == "inbound" ? document with { RawWebhook = null } : document), at);

    public byte[] Other(string name, object data, Position? at) => Frame(name, data, at);

    private static byte[] Frame(string name, object data, Position? at)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(data, data.GetType(), WireJson.Options);
        var head = Encoding.ASCII.GetBytes(at is { } place ? $"id: {place.ToToken()}\nevent: {name}\ndata: " : $"event: {name}\ndata: ");
        return [.. head, .. json, (byte)'\n', (byte)'\n'];
    }
}
