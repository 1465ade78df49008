using System.Text.Json;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;

namespace Bsp.Api.Events;

/// <summary>A part of the log as webhooks bring it: byte for byte the same bodies.</summary>
internal sealed class PublicPage(PublicSlice slice) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.ContentType = "application/json; charset=utf-8";
        await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteStartArray("data");
        foreach (var told in slice.Events)
        {
            PublicJson.Write(json, told, thin: false, slice.UpTo.Epoch);
        }

        json.WriteEndArray();
        json.WriteString("next_after", slice.UpTo.ToToken());
        json.WriteBoolean("more", slice.More);
        json.WriteEndObject();
        await json.FlushAsync(httpContext.RequestAborted);
    }
}
