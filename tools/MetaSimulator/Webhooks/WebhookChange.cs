using System.Buffers;
using System.Text.Json;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Webhooks;

/// <summary>One <c>changes[]</c> item whose value is already written: anything but a status.</summary>
/// <param name="Value">JSON in Meta's escaping.</param>
/// <param name="Key">What the chance of being duplicated is drawn for.</param>
/// <param name="IsTimed">Whether its entry carries <c>time</c>; those of <c>messages</c> do not.</param>
internal sealed record WebhookChange(string WabaId, string Field, byte[] Value, string Key, bool IsTimed)
{
    public static WebhookChange Write(string wabaId, string field, string key, Action<Utf8JsonWriter> value)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, MetaEncoder.WriterOptions))
        {
            value(json);
        }

        return new(wabaId, field, buffer.WrittenSpan.ToArray(), key, field is not "messages" and not "user_preferences");
    }
}
