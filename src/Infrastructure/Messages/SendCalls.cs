using System.Buffers;
using System.Text.Json;
using Bsp.Application.Media;
using Bsp.Application.Messages;
using Bsp.Application.Meta;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Meta;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Messages;

/// <summary>One Graph call under way, or ended.</summary>
/// <param name="Content">What is sent; null: it could not be opened, and nothing left.</param>
public sealed record SendCall(Ruling Begun, string? Content, Task<SendOutcome> Answer);

/// <summary>The calls of one batch.</summary>
public sealed class SendCallBatch(IReadOnlyList<SendCall> calls)
{
    // Of five calls four are waited for, however long they take, and the last one so much longer.
    private const int Fifth = 5;
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);

    public Task AllAsync() => Task.WhenAll(calls.Select(c => c.Answer));

    /// <summary>Ends when most are answered and the others had a moment more.</summary>
    public async Task MostAsync(TimeProvider clock)
    {
        if (calls.Count == 0)
        {
            return;
        }

        var left = calls.Count - (calls.Count / Fifth);
        var most = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var call in calls)
        {
            _ = call.Answer.ContinueWith(_ =>
            {
                if (Interlocked.Decrement(ref left) == 0)
                {
                    most.TrySetResult();
                }
            }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        await most.Task;
        await Task.WhenAny(AllAsync(), Task.Delay(Grace, clock));
    }

    /// <summary>Those that are answered, and those that are not.</summary>
    public (IReadOnlyList<SendCall> Ended, IReadOnlyList<SendCall> Behind) Parted()
    {
        var ended = calls.Where(c => c.Answer.IsCompleted).ToHashSet();
        return ([.. calls.Where(ended.Contains)], [.. calls.Where(c => !ended.Contains(c))]);
    }
}

/// <summary>Opens what a batch sends and makes its calls, each of which has its own end.</summary>
public sealed partial class SendCalls(IMeta meta, IPersonalData personal, IMediaForSending media, TimeProvider clock,
    ILogger<SendCalls> log)
{
    private static readonly TimeSpan StoreAwayPause = TimeSpan.FromSeconds(2);

    // Between intent and call, and again between call and outcome; both and the call together stay below SendSweeper.SendingPatience.
    private static readonly TimeSpan StorePatience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StoreLookEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>The calls, begun. None of them ever fails: each has an outcome.</summary>
    public async Task<SendCallBatch> BeginAsync(Guid organizationId, SendingNumber number, IReadOnlyList<Ruling> begun,
        CancellationToken ct)
    {
        if (begun.Count == 0)
        {
            return new([]);
        }

        IReadOnlyList<string?> contents;
        try
        {
            contents = await WaitingAsync(() =>
                personal.OpenAsync(organizationId, [.. begun.Select(b => b.After.Content!)], CancellationToken.None), ct);
        }
        catch (Exception e)
        {
            // Nothing was called: that is no unknown outcome.
            LogUnopened(e, number.AccountId, begun.Count);
            var none = Task.FromResult(new SendOutcome(SendResult.Refused, null, false, null, "not begun",
                "Its content could not be opened; nothing left.", StoreAwayPause));
            return new([.. begun.Select(b => new SendCall(b, null, none))]);
        }

        return new([.. begun.Select((b, i) => new SendCall(b, contents[i],
            CallAsync(organizationId, number, b.MessageId, contents[i])))]);
    }

    /// <summary>
    /// While PostgreSQL is away: nobody else knows whom to call, or what Meta answered. Harmless to repeat: what was written after all is
    /// found, and what moved on meanwhile is left alone.
    /// </summary>
    public async Task<T> WaitingAsync<T>(Func<Task<T>> work, CancellationToken ct)
    {
        for (var began = clock.GetTimestamp(); ;)
        {
            try
            {
                return await work();
            }
            catch (Exception away)
                when (StoreTrouble.Is(away) && clock.GetElapsedTime(began) < StorePatience && !ct.IsCancellationRequested)
            {
                LogWaiting(away.Message);
                await Task.Delay(StoreLookEvery, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    // Each message has its own end: whatever goes wrong with one is no news of its batch-mates.
    private async Task<SendOutcome> CallAsync(Guid organizationId, SendingNumber number, Guid messageId, string? content)
    {
        if (content is null)
        {
            return new(SendResult.Rejected, null, false, 0, "erased", "The recipient's data was erased before the message left.",
                TimeSpan.Zero);
        }

        byte[] body;
        PreparedContent prepared;
        try
        {
            prepared = await media.PrepareAsync(organizationId, number.Meta, content, CancellationToken.None);
            if (prepared.Failed is { } failed)
            {
                return failed;
            }

            body = Body(prepared.Content!, messageId);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return new(SendResult.Rejected, null, false, 0, "unreadable", "The stored content is not a JSON object; nothing left.",
                TimeSpan.Zero);
        }
        catch (Exception e)
        {
            LogUnprepared(e, messageId);
            return new(SendResult.Refused, null, false, null, "not begun", "Its file could not be given to Meta; nothing left.",
                StoreAwayPause);
        }

        SendOutcome outcome;
        try
        {
            outcome = await meta.SendAsync(number.Meta, body, CancellationToken.None);
        }
        catch (Exception e)
        {
            return new(SendResult.Unknown, null, false, null, "no answer", Text.Cut(e.Message, 500), TimeSpan.Zero);
        }

        if (prepared.Media.Count == 0 || outcome.Result != SendResult.Rejected || !MetaErrors.MayBeOfMedia(outcome.Code))
        {
            return outcome;
        }

        // Meta lost a file before its time: the refusal is proven, and the file is given to it anew.
        await media.ForgetAsync(organizationId, number.Meta, prepared.Media, CancellationToken.None);
        return outcome with { Result = SendResult.Refused, Code = null, RetryAfter = TimeSpan.FromSeconds(1) };
    }

    /// <summary>The Graph body: the sealed content with what every message carries.</summary>
    internal static byte[] Body(string content, Guid messageId)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var writer = new Utf8JsonWriter(buffer);
        using var json = JsonDocument.Parse(content);
        writer.WriteStartObject();
        writer.WriteString("messaging_product", "whatsapp");
        writer.WriteString("recipient_type", "individual");
        writer.WriteString("biz_opaque_callback_data", messageId);
        foreach (var property in json.RootElement.EnumerateObject())
        {
            property.WriteTo(writer);
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "sender: PostgreSQL is away ({Reason}) between an intent and its outcome; it is waited for")]
    private partial void LogWaiting(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "sender: the file of message {MessageId} could not be given to Meta; tried again")]
    private partial void LogUnprepared(Exception e, Guid messageId);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "sender: account {AccountId}, the contents of {Count} messages could not be opened; they are tried again")]
    private partial void LogUnopened(Exception e, Guid accountId, int count);
}
