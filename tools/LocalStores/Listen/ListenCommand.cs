using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Listen;

/// <summary>
/// <c>./run listen</c>: forwards an organization's events to a local address as they happen, signed as webhooks are, without registering
/// anything: it reads the stream of events and posts each. One after the other;
/// what the receiver does not take is said and not repeated (a webhook would be).
/// </summary>
internal static class ListenCommand
{
    private static readonly TimeSpan AgainAfter = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public static async Task<int> RunAsync(string[] arguments)
    {
        using var stop = new StopRequest();
        var options = ListenOptions.Read(arguments);
        var key = RandomNumberGenerator.GetBytes(32);
        if (options.To is not null)
        {
            Console.WriteLine($"Forwarding to {options.To}. Signed with: whsec_{Convert.ToBase64String(key)}");
        }

        using var api = new HttpClient { BaseAddress = new(options.Url), Timeout = Timeout.InfiniteTimeSpan };
        api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", options.Key);
        using var receiver = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = Patience };
        string? last = null;
        while (!stop.Token.IsCancellationRequested)
        {
            try
            {
                await foreach (var (place, body) in EventsAsync(api, options.Types, last, stop.Token))
                {
                    await ForwardAsync(receiver, options.To, key, body, stop.Token);
                    last = place;
                }

                Console.WriteLine("The stream ended; listening again.");
            }
            catch (Exception gone) when (gone is HttpRequestException or IOException && !stop.Token.IsCancellationRequested)
            {
                Console.Error.WriteLine($"{options.Url} does not answer ({gone.Message}); trying again.");
            }
            catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
            {
                return 0;
            }

            await Task.Delay(AgainAfter, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return 0;
    }

    // Where the stream is after each event, and the event's body.
    private static async IAsyncEnumerable<(string? Place, string Body)> EventsAsync(HttpClient api, string? types, string? last,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        using var request =
            new HttpRequestMessage(HttpMethod.Get, "/v1/events/stream" + (types is null ? "" : $"?types={Uri.EscapeDataString(types)}"));
        if (last is not null)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", last);
        }

        using var answer = await api.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        if ((int)answer.StatusCode is >= 400 and < 500)
        {
            throw new Obstacle(
                $"GET /v1/events/stream was answered {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(ct)}");
        }

        answer.EnsureSuccessStatusCode();
        Console.WriteLine(last is null ? "Listening: what happens from now on is shown." : "Listening on.");
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(ct));
        string? place = null;
        while (await lines.ReadLineAsync(ct) is { } line)
        {
            place = line.StartsWith("id: ", StringComparison.Ordinal) ? line[4..] : place;
            if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                yield return (place, line[6..]);
            }
        }
    }

    private static async Task ForwardAsync(HttpClient receiver, Uri? to, byte[] key, string body, CancellationToken ct)
    {
        var told = JsonNode.Parse(body)!;
        var (id, type) = (told["id"]!.GetValue<string>(), told["type"]!.GetValue<string>());
        var now = DateTimeOffset.UtcNow;
        if (to is null)
        {
            Console.WriteLine($"{now:HH:mm:ss} {type} {body}");
            return;
        }

        using var request = new HttpRequestMessage(HttpMethod.Post, to) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        var timestamp = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.TryAddWithoutValidation("webhook-id", id);
        request.Headers.TryAddWithoutValidation("webhook-timestamp", timestamp);
        request.Headers.TryAddWithoutValidation("webhook-signature",
            "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{id}.{timestamp}.{body}"))));
        try
        {
            using var answer = await receiver.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            Console.WriteLine($"{now:HH:mm:ss} {type} {id} -> {(int)answer.StatusCode}");
        }
        catch (Exception gone) when (gone is HttpRequestException or TaskCanceledException && !ct.IsCancellationRequested)
        {
            Console.WriteLine($"{now:HH:mm:ss} {type} {id} -> {gone.Message}");
        }
    }
}
