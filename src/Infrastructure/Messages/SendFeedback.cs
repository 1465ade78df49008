using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Meta;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// What a batch of answers means for the next one on the same number: its pace (130429), and whether to go on at all. Campaigns are paused
/// and contacts opted out by
/// <see cref="SendReactor"/>, from the log.
/// </summary>
public sealed partial class SendFeedback(RateLimit limits, ProjectionRunner runner, Shards shards, ILogger<SendFeedback> log)
{
    private static readonly TimeSpan LoweredFor = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DrawnWithin = TimeSpan.FromSeconds(2);

    /// <summary>After a batch of calls on one number.</summary>
    public async Task OfAsync(Guid organizationId, SendingNumber number, IReadOnlyList<SendOutcome> answers, CancellationToken ct)
    {
        if (answers.Any(a => a.Code is { } code && MetaErrors.IsThroughput(code)))
        {
            await LowerAsync(organizationId, number, ct);
        }

        if (answers.Any(a =>
            a is { Result: SendResult.Rejected, Code: { } code } && (MetaErrors.StopsNumber(code) || MetaErrors.StopsTemplate(code))))
        {
            await WaitUntilPausedAsync(organizationId, ct);
        }
    }

    // The campaign shall be paused before the next batch is taken: else that one is refused too.
    private async Task WaitUntilPausedAsync(Guid organizationId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        await using var drawn = shard.App.CreateCommand("SELECT bsp.last_event(last_value) FROM public.mt_events_sequence");
        try
        {
            await runner.WaitAsync(ViewNames.SendConsequences, shard, (long)(await drawn.ExecuteScalarAsync(ct))!, DrawnWithin, ct);
        }
        catch (ViewBehind)
        {
            LogNotDrawn(DrawnWithin.TotalSeconds);
        }
    }

    private async Task LowerAsync(Guid organizationId, SendingNumber number, CancellationToken ct)
    {
        try
        {
            await limits.LowerAsync(organizationId, number.Meta.PhoneNumberId, Math.Max(1, number.MessagesPerSecondMax / 2), LoweredFor,
                ct);
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            LogNotLowered(number.Meta.PhoneNumberId, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "a campaign that must stop was not paused within {Seconds} s; its next messages may be refused too")]
    private partial void LogNotDrawn(double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "number {PhoneNumberId}: pace not lowered, Redis is away ({Reason})")]
    private partial void LogNotLowered(string phoneNumberId, string reason);
}
