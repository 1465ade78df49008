using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Bsp.MetaSimulator;

namespace Bsp.UnitTests.MetaSimulator;

/// <summary>An answer of Graph.</summary>
internal sealed record Answered(int Status, JsonElement Body)
{
    public string Wamid => Body.GetProperty("messages")[0].GetProperty("id").GetString()!;

    public int Code => Body.GetProperty("error").GetProperty("code").GetInt32();

    public int Subcode => Body.GetProperty("error").GetProperty("error_subcode").GetInt32();
}

/// <summary>A simulator, a receiver of its webhooks, and a caller.</summary>
internal sealed class Stage : IAsyncDisposable
{
    public const string Phone = "2001";
    public const string Waba = "1001";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private Stage(Simulator simulator, Receiver receiver)
    {
        (Simulator, Receiver) = (simulator, receiver);
        Http = new HttpClient { BaseAddress = simulator.BaseUrl, Timeout = Deadline };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "token");
    }

    public Simulator Simulator { get; }

    public Receiver Receiver { get; }

    public HttpClient Http { get; }

    public static async Task<Stage> Set(SimulatorOptions? options = null)
    {
        var receiver = await Receiver.Start();
        options = (options ?? new() { WebhookConcurrency = 1 }) with
        {
            WebhookUrl = receiver.Url,
            Accounts = [new(Waba, Phone, "15550001234")],
            SentDelayMs = 1,
            DeliveredDelayMs = 1,
            ReadDelayMs = 1,
            HoldMs = 1,
            TemplateReviewMs = 1,
            RetryFirstMs = 5,
        };
        return new(await Simulator.StartAsync(options, CancellationToken.None), receiver);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Simulator.DisposeAsync();
        await Receiver.DisposeAsync();
    }

    public Task<Answered> SendText(string to, string text = "hello", string? callback = null) =>
        Post($"v25.0/{Phone}/messages",
            new { messaging_product = "whatsapp", to, type = "text", text = new { body = text }, biz_opaque_callback_data = callback });

    public Task<Answered> SendTemplate(string to, string name, params string[] parameters) => Post($"v25.0/{Phone}/messages", new
    {
        messaging_product = "whatsapp",
        to,
        type = "template",
        template = new { name, language = new { code = "en" },
            components = new[] { new { type = "body", parameters = parameters.Select(text => new { type = "text", text }) } } },
    });

    public Task<Answered> CreateTemplate(string name, string body = "Hi {{1}}, good day", string category = "MARKETING") =>
        Post($"v25.0/{Waba}/message_templates", new
    {
        name,
        language = "en",
        category,
        components = new[] { new { type = "BODY", text = body, example = new { body_text = new[] { new[] { "Ann" } } } } },
    });

    public Task<Answered> Post(string path, object body) => Call(HttpMethod.Post, path, JsonSerializer.Serialize(body));

    public Task<Answered> Put(string path, object body) => Call(HttpMethod.Put, path, JsonSerializer.Serialize(body));

    public Task<Answered> Get(string path) => Call(HttpMethod.Get, path, null);

    public Task<Answered> Delete(string path) => Call(HttpMethod.Delete, path, null);

    public async Task<Answered> Call(HttpMethod method, string path, string? body)
    {
        using var request =
            new HttpRequestMessage(method, path) { Content = body is null ? null
                : new StringContent(body, Encoding.UTF8, "application/json") };
        using var response = await Http.SendAsync(request);
        return new((int)response.StatusCode, JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync()).RootElement);
    }

    /// <summary>Until the receiver has accepted everything.</summary>
    public async Task Settled()
    {
        using var limit = new CancellationTokenSource(Deadline);
        await Simulator.State.WhenWebhooksAccepted(limit.Token);
    }

    /// <summary>
    /// Until everything is accepted and a POST of a kind has come: a verdict on a template is not pending before it falls.
    /// </summary>
    public async Task Settled(TimeSpan deadline, Func<Received, bool> wanted)
    {
        await Receiver.Until(all => all.Any(wanted), deadline);
        await Settled();
    }

    /// <summary>Until it is so; the deadline's error says that it never was.</summary>
    public static async Task Until(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Deadline);
        while (!condition())
        {
            await Task.Delay(10, limit.Token);
        }
    }

    public async Task<Stage> Settle()
    {
        await Settled();
        return this;
    }

    /// <summary>The statuses of the only message that was accepted for the recipient, in the order they came.</summary>
    public async Task<string[]> Statuses(string to)
    {
        await Settled();
        var digits = to.TrimStart('+');
        return Receiver.StatusesOf(Simulator.State.Messages().Single(m => m.To == digits && m.Wamid is not null).Wamid!);
    }
}
