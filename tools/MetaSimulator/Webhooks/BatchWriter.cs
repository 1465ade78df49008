using System.Buffers;
using System.Text.Json;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Messages;

namespace Bsp.MetaSimulator.Webhooks;

/// <summary>Something a POST tells: a status of a message, or a change written before.</summary>
internal readonly record struct WebhookItem(OutboundMessage? Message, StepKind Kind, WebhookChange? Change)
{
    public string WabaId => Message?.Phone.WabaId ?? Change!.WabaId;

    /// <summary>Statuses of one number stand together; everything else has an entry's change of its own.</summary>
    public string Group => Message?.Phone.Id ?? "";
}

/// <summary>Writes the body of one POST: entries per WABA, changes per number and field, several statuses in a change.</summary>
internal sealed class BatchWriter
{
    /// <summary>Statuses in one <c>changes[]</c> item; a further one begins a new change of the same number.</summary>
    private const int StatusesPerChangeMax = 10;

    private readonly ArrayBufferWriter<byte> _buffer = new(32 * 1024);
    private readonly Utf8JsonWriter _json;

    public BatchWriter() => _json = new Utf8JsonWriter(_buffer, MetaEncoder.WriterOptions);

    public byte[] Write(List<WebhookItem> items, SimulatorOptions options, long nowSeconds)
    {
        items.Sort(static (a, b) =>
            string.CompareOrdinal(a.WabaId, b.WabaId) is var byWaba and not 0 ? byWaba : string.CompareOrdinal(a.Group, b.Group));
        _buffer.ResetWrittenCount();
        _json.Reset(_buffer);
        _json.WriteStartObject();
        _json.WriteString("object"u8, "whatsapp_business_account"u8);
        _json.WriteStartArray("entry"u8);
        for (var at = 0; at < items.Count;)
        {
            at = WriteEntry(items, at, options, nowSeconds);
        }

        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.Flush();
        return _buffer.WrittenSpan.ToArray();
    }

    private int WriteEntry(List<WebhookItem> items, int at, SimulatorOptions options, long nowSeconds)
    {
        var waba = items[at].WabaId;
        _json.WriteStartObject();
        _json.WriteString("id"u8, waba);
        if (items[at].Change is { IsTimed: true })
        {
            _json.WriteNumber("time"u8, nowSeconds);
        }

        _json.WriteStartArray("changes"u8);
        while (at < items.Count && items[at].WabaId == waba)
        {
            at = WriteChange(items, at, options);
        }

        _json.WriteEndArray();
        _json.WriteEndObject();
        return at;
    }

    private int WriteChange(List<WebhookItem> items, int at, SimulatorOptions options)
    {
        _json.WriteStartObject();
        _json.WritePropertyName("value"u8);
        if (items[at].Change is { } change)
        {
            _json.WriteRawValue(change.Value, skipInputValidation: true);
            _json.WriteString("field"u8, change.Field);
            _json.WriteEndObject();
            return at + 1;
        }

        var end = at + 1;
        while (end < items.Count && end - at < StatusesPerChangeMax && items[end].Message?.Phone == items[at].Message!.Phone)
        {
            end++;
        }

        WriteStatuses(items, at, end, options);
        _json.WriteString("field"u8, "messages"u8);
        _json.WriteEndObject();
        return end;
    }

    private void WriteStatuses(List<WebhookItem> items, int from, int to, SimulatorOptions options)
    {
        var phone = items[from].Message!.Phone;
        _json.WriteStartObject();
        _json.WriteString("messaging_product"u8, "whatsapp"u8);
        StatusJson.Metadata(_json, phone);
        WriteContacts(items, from, to);
        _json.WriteStartArray("statuses"u8);
        for (var i = from; i < to; i++)
        {
            StatusJson.Status(_json, items[i].Message!, items[i].Kind, options);
        }

        _json.WriteEndArray();
        _json.WriteEndObject();
    }

    /// <summary>A failed message's customer is not among the contacts (Meta, business-scoped user ids).</summary>
    private void WriteContacts(List<WebhookItem> items, int from, int to)
    {
        var begun = false;
        for (var i = from; i < to; i++)
        {
            if (items[i].Kind == StepKind.Failed)
            {
                continue;
            }

            if (!begun)
            {
                _json.WriteStartArray("contacts"u8);
                begun = true;
            }

            StatusJson.Contact(_json, items[i].Message!.Number, items[i].Message!.UserId, "Simulated customer");
        }

        if (begun)
        {
            _json.WriteEndArray();
        }
    }
}
