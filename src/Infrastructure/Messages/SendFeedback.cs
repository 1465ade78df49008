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
public sealed partial class SendFeedback(RateLimit limits, NumberPaces paces, ProjectionRunner runner, Shards shards,
    TimeProvider clock, ILogger<SendFeedback> log)
{
    // Of all processes: each that is refused something says so again.
    private static readonly TimeSpan LoweredFor = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan DrawnWithin = TimeSpan.FromSeconds(2);

    /// <summary>After a batch of calls on one number.</summary>
    public async Task OfAsync(Guid organizationId, SendingNumber number, IReadOnlyList<SendOutcome> answers, CancellationToken ct)
    {
        var refused = answers.Count(a => a.Code is { } code && MetaErrors.IsThroughput(code));
        var pace = paces.Of(number.AccountId);
        if (pace.Refused(refused, answers.Count, clock.GetElapsedTime(0, clock.GetTimestamp())))
        {
            await LowerAsync(organizationId, number, pace.PerSecond(number.MessagesPerSecondMax), ct);
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

    private async Task LowerAsync(Guid organizationId, SendingNumber number, int perSecond, CancellationToken ct)
    {
        try
        {
            await limits.LowerAsync(organizationId, number.Meta.PhoneNumberId, perSecond, LoweredFor, ct);
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
