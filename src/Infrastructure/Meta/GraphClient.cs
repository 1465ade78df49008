using System.Net.Http.Headers;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Domain.Templates;

namespace Bsp.Infrastructure.Meta;

/// <summary>Where the Graph API is and how long to wait for it.</summary>
/// <param name="BaseUrl">With version: <c>https://graph.facebook.com/v25.0</c>. Source: facts of 2026, v25 expires 2028.</param>
/// <param name="Timeout">Of one call. A send without an answer by then is of unknown outcome.</param>
public sealed record GraphOptions(Uri BaseUrl, TimeSpan Timeout);

/// <summary>Meta's Graph API over HTTP. One call is one request: nothing is repeated in here.</summary>
public sealed class GraphClient(GraphOptions options) : IMeta, IDisposable
{
    private const int TemplatesMax = 6000;
    private const int TemplatePagesMax = 60;
    private const int NumberPagesMax = 20;
    private const int CursorCharsMax = 2_000;

    // Meta's answers to a send and to most calls have less than a kilobyte; a page of 200 templates some 300.
    private const int SendBytesMax = 256 * 1024;
    private const int AnswerBytesMax = 1024 * 1024;
    private const int PageBytesMax = 16 * 1024 * 1024;
    private const int ComponentsCharsMax = 65_536;

    // A call that could not begin is tried again: nothing of it left.
    private static readonly TimeSpan NotBegunPause = TimeSpan.FromSeconds(5);

    private readonly GraphHttp graph = new(options);

    public async Task<SendOutcome> SendAsync(MetaNumber number, ReadOnlyMemory<byte> body, CancellationToken ct)
    {
        using var content = new NotedContent(body);
        try
        {
            var reply = await graph.CallAsync(HttpMethod.Post, $"{GraphHttp.Segment(number.PhoneNumberId)}/messages", number.AccessToken,
                content, SendBytesMax, ct);
            return SendAnswer.Read(reply.Status, reply.Body);
        }
        catch (Exception e) when (!content.Began)
        {
            return new(SendResult.Refused, null, false, null, "no connection", Domain.Common.Text.Cut(e.Message, 500), NotBegunPause);
        }
        catch (Exception e)
        {
            return new(SendResult.Unknown, null, false, null, "no answer", Domain.Common.Text.Cut(e.Message, 500), TimeSpan.Zero);
        }
    }

    public async Task<SubmittedTemplate> SubmitTemplateAsync(MetaNumber number, string? metaTemplateId, string name, string language,
        string category, JsonElement components, CancellationToken ct)
    {
        var body = metaTemplateId is null
            ? JsonSerializer.SerializeToUtf8Bytes(new { name, language, category,
                parameter_format = MetaComponents.ParameterFormat(TemplateComponents.Read(components)), components })
            : JsonSerializer.SerializeToUtf8Bytes(new { category, components });
        var answer =
            await CallAsync(HttpMethod.Post, () => metaTemplateId is null ? $"{GraphHttp.Segment(number.WabaId)}/message_templates"
                : GraphHttp.Segment(metaTemplateId), number, body, ct);
        return metaTemplateId is not null
            ? new(metaTemplateId, "PENDING", category)
            : new(TemplateId(answer) ?? throw Unreadable("a template creation without an id"), GraphText.Text(answer, "status", 64)
                ?? "PENDING", GraphText.Text(answer, "category", 64) ?? category);
    }

    public async Task<IReadOnlyList<ListedTemplate>> ListTemplatesAsync(MetaNumber number, CancellationToken ct)
    {
        var all = new List<ListedTemplate>();
        string Path() =>
            $"{GraphHttp.Segment(number.WabaId)}/message_templates?limit=200&fields=id,name,language,status,category,components,rejected_reason";
        await foreach (var item in ItemsAsync(Path, number, TemplatePagesMax, ct))
        {
            if (Listed(item) is { } template)
            {
                all.Add(template);
            }

            if (all.Count >= TemplatesMax)
            {
                break;
            }
        }

        return all;
    }

    public Task DeleteTemplateAsync(MetaNumber number, string name, string? metaTemplateId, CancellationToken ct) =>
        CallAsync(HttpMethod.Delete,
        () => $"{GraphHttp.Segment(number.WabaId)}/message_templates?name={Uri.EscapeDataString(name)}" + (metaTemplateId is null ? ""
            : $"&hsm_id={Uri.EscapeDataString(metaTemplateId)}"), number, null, ct);

    public Task UnpauseTemplateAsync(MetaNumber number, string metaTemplateId, CancellationToken ct) =>
        CallAsync(HttpMethod.Post, () => $"{GraphHttp.Segment(metaTemplateId)}/unpause", number, "{}"u8.ToArray(), ct);

    public async Task<NumberFacts> GetNumberAsync(MetaNumber number, CancellationToken ct)
    {
        const string fields =
            "id,display_phone_number,verified_name,quality_rating,status,whatsapp_business_manager_messaging_limit,throughput";
        var answer = await CallAsync(HttpMethod.Get, () => $"{GraphHttp.Segment(number.PhoneNumberId)}?fields={fields}", number, null, ct);
        if (GraphText.Text(answer, "id", GraphText.IdMax) is { } id && id != number.PhoneNumberId)
        {
            throw Unreadable($"for number {number.PhoneNumberId} with facts of another one");
        }

        var quality = GraphText.Text(answer, "quality_rating", 32) is "GREEN" or "YELLOW" or "RED"
            ? GraphText.Text(answer, "quality_rating", 32)! : "UNKNOWN";
        return new(GraphText.Text(answer, "display_phone_number", 64) ?? "", GraphText.Told(answer, "verified_name", 200)
            ?? "", quality, GraphText.Text(answer, "status", 64) ?? "CONNECTED",
            MessagingLimits.Read(GraphText.Text(answer, "whatsapp_business_manager_messaging_limit", 64)))
        {
            HighThroughput = GraphText.Child(answer, "throughput", JsonValueKind.Object) is { } throughput
                && GraphText.Text(throughput, "level", 32) == "HIGH",
        };
    }

    public async Task<NumberFacts> ProveAsync(MetaNumber number, CancellationToken ct)
    {
        var facts = await GetNumberAsync(number, ct);
        await foreach (var item in ItemsAsync(() =>
            $"{GraphHttp.Segment(number.WabaId)}/phone_numbers?fields=id&limit=100", number, NumberPagesMax, ct))
        {
            if (GraphText.Text(item, "id", GraphText.IdMax) == number.PhoneNumberId)
            {
                return facts;
            }
        }

        throw new MetaRefused(null,
            $"Meta does not list the number {number.PhoneNumberId} among those of the WABA {number.WabaId}: it belongs to another one, or the token is not for this WABA.", retryable: false, denied: true);
    }

    public async Task SubscribeAsync(MetaNumber number, CancellationToken ct)
    {
        string Path() => $"{GraphHttp.Segment(number.WabaId)}/subscribed_apps";
        await CallAsync(HttpMethod.Post, Path, number, "{}"u8.ToArray(), ct);
        await foreach (var _ in ItemsAsync(Path, number, 1, ct))
        {
            return;
        }

        throw new MetaRefused(null,
            $"Meta took the subscription to the webhooks of WABA {number.WabaId} and lists no app for it: try again, or look at the app's permissions.", retryable: true);
    }

    public Task MarkReadAsync(MetaNumber number, string wamid, bool typing, CancellationToken ct) =>
        CallAsync(HttpMethod.Post, () => $"{GraphHttp.Segment(number.PhoneNumberId)}/messages", number,
        typing ? JsonSerializer.SerializeToUtf8Bytes(new { messaging_product = "whatsapp", status = "read", message_id = wamid,
            typing_indicator = new { type = "text" } })
            : JsonSerializer.SerializeToUtf8Bytes(new { messaging_product = "whatsapp", status = "read", message_id = wamid }), ct);

    public void Dispose() => graph.Dispose();

    private static string? TemplateId(JsonElement item) =>
        GraphText.Text(item, "id", GraphText.IdMax) is { } id && GraphText.IsId(id) ? id : null;

    // A template without what names it, or too long for our columns, is none of ours.
    private static ListedTemplate? Listed(JsonElement item) =>
        TemplateId(item) is { } id && GraphText.Text(item, "name", 512) is { } name && GraphText.Text(item, "language", 32) is { } language
            ? new(id, name, language, GraphText.Text(item, "status", 64) ?? "PENDING", GraphText.Text(item, "category", 64)
                ?? "MARKETING", Components(item), GraphText.Told(item, "rejected_reason", 500))
            : null;

    private static JsonElement Components(JsonElement item) =>
        GraphText.Child(item, "components", JsonValueKind.Array) is { } parts && parts.GetRawText().Length <= ComponentsCharsMax
        && GraphText.IsKeepable(parts) ? parts.Clone() : default;

    // The items of Meta's pages. A next page that never ends, or is the same one again, ends here.
    private async IAsyncEnumerable<JsonElement> ItemsAsync(Func<string> path, MetaNumber number, int pagesMax,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        string? after = null;
        for (var page = 0; page < pagesMax; page++)
        {
            var answer =
                await CallAsync(HttpMethod.Get, () =>
                    path() + (after is null ? "" : $"&after={Uri.EscapeDataString(after)}"), number, null, ct, PageBytesMax);
            var data = GraphText.Child(answer, "data", JsonValueKind.Array) ?? throw Unreadable("a list without data");
            foreach (var item in data.EnumerateArray().Where(i => i.ValueKind == JsonValueKind.Object))
            {
                yield return item;
            }

            var paging = GraphText.Child(answer, "paging", JsonValueKind.Object) ?? default;
            var next = GraphText.Child(paging, "next", JsonValueKind.String) is null
                || GraphText.Child(paging, "cursors", JsonValueKind.Object) is not { } cursors ? null
                : GraphText.Text(cursors, "after", CursorCharsMax);
            if (next is null || next == after)
            {
                yield break;
            }

            after = next;
        }
    }

    private async Task<JsonElement> CallAsync(HttpMethod method, Func<string> path, MetaNumber number, byte[]? body, CancellationToken ct,
        int bytesMax = AnswerBytesMax)
    {
        using var content = body is null ? null
            : new ReadOnlyMemoryContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        return await CallAsync(graph, method, path, number.AccessToken, content, bytesMax, ct);
    }

    /// <summary>One call; what Meta answers as JSON.</summary>
    /// <exception cref="MetaRefused"/>
    internal static async Task<JsonElement> CallAsync(GraphHttp graph, HttpMethod method, Func<string> path, string accessToken,
        HttpContent? content, int bytesMax, CancellationToken ct)
    {
        try
        {
            return Judged(await graph.CallAsync(method, path(), accessToken, content, bytesMax, ct));
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new MetaRefused(null, $"Meta did not answer within {graph.Timeout.TotalSeconds:0} s.", retryable: true, timedOut: true);
        }
        catch (GraphUnusable unusable)
        {
            throw new MetaRefused(null, unusable.Message, retryable: false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new MetaRefused(null, $"Meta could not be reached: {Domain.Common.Text.Cut(e.Message, 500)}", retryable: true);
        }
    }

    private static JsonElement Judged(GraphReply reply)
    {
        var answer = GraphText.Parse(reply.Body);
        var error = GraphError.Read(answer);
        var good = reply.Status is >= 200 and < 300;
        if (!good || error.Code is not null)
        {
            var told = error.Code is null ? $"HTTP {reply.Status}, {error.Message}" : error.Message;
            throw new MetaRefused(error.Code, $"Meta refused: {told}{(error.Details is null ? "" : $" ({error.Details})")}",
                retryable: reply.Status is >= 500 or 429
                || (error.Code is { } code && (MetaErrors.IsSafeToRepeat(code) || MetaErrors.IsAmbiguous(code))),
                denied: reply.Status < 500 && error.Code is { } denial && MetaErrors.DeniesToken(denial));
        }

        if (answer.ValueKind != JsonValueKind.Object)
        {
            throw Unreadable("something that is not a JSON object");
        }

        return GraphText.Child(answer, "success", JsonValueKind.False) is null ? answer
            : throw new MetaRefused(null, "Meta answered that it did not succeed, without a reason.", retryable: false);
    }

    private static MetaRefused Unreadable(string what) => new(null, $"Meta answered {what}.", retryable: true);
}
