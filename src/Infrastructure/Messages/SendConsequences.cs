using Bsp.Application.Campaigns;
using Bsp.Application.Messages;
using Bsp.Application.Meta;
using Bsp.Application.Contacts;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Redis;
using MediatR;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// What Meta's error codes mean beyond the one message, each in its own scope: the number's pace (130429), the campaign (number or template stopped).
/// The recipient's scope (pair limit, opt-out) is the message's own and the contact's.
/// </summary>
public sealed partial class SendConsequences(RateLimit limits, IMediator mediator, ILogger<SendConsequences> log)
{
    private static readonly TimeSpan LoweredFor = TimeSpan.FromSeconds(5);

    /// <summary>After a batch of calls on one number.</summary>
    public async Task OfAsync(Guid organizationId, SendingNumber number, IReadOnlyList<(Ruling Ruling, SendOutcome Answer)> results, CancellationToken ct)
    {
        if (results.Any(r => r.Answer.Code is { } code && MetaErrors.IsThroughput(code)))
        {
            await LowerAsync(organizationId, number, ct);
        }

        var stopping = results.Where(r => r.Ruling.Before.Ref?.CampaignId is not null && r.Answer is { Result: SendResult.Rejected, Code: { } code } && (MetaErrors.StopsNumber(code) || MetaErrors.StopsTemplate(code)));
        foreach (var campaign in stopping.GroupBy(r => r.Ruling.Before.Ref!.CampaignId!.Value))
        {
            var first = campaign.First().Answer;
            await PauseAsync(organizationId, campaign.Key, $"Meta {first.Code}: {first.Title}", ct);
        }

        foreach (var (ruling, answer) in results.Where(r => r.Answer.Result == SendResult.Rejected))
        {
            await OptOutAsync(organizationId, ruling.After.Ref!, answer.Code, ct);
        }
    }

    /// <summary>After a failure that a webhook reported.</summary>
    public async Task OfFailureAsync(Guid organizationId, MessageFailed failed, CancellationToken ct)
    {
        if (failed.Code is { } stop && failed.Ref.CampaignId is { } campaign && (MetaErrors.StopsNumber(stop) || MetaErrors.StopsTemplate(stop)))
        {
            await PauseAsync(organizationId, campaign, $"Meta {stop}: {failed.Title}", ct);
        }

        await OptOutAsync(organizationId, failed.Ref, failed.Code, ct);
    }

    // 131050: the user stopped marketing messages of this business.
    private async Task OptOutAsync(Guid organizationId, MessageRef reference, int? code, CancellationToken ct)
    {
        if (code is { } number && MetaErrors.IsOptOut(number))
        {
            await OptOutAsync(new ChangeContactConsent(organizationId, reference.ContactId, new("OPTED_OUT", "meta_131050", reference.MessageId.ToString())) { Once = true }, ct);
        }
    }

    private async Task OptOutAsync(ChangeContactConsent command, CancellationToken ct)
    {
        try
        {
            await mediator.Send(command, ct);
        }
        catch (Refusal refusal) when (refusal.Code == "contact.unknown")
        {
            LogGone(command.ContactId); // deleted or erased since the message left: nobody is left to be sent to
        }
    }

    /// <summary>Pauses a campaign for what Meta said; one that is not running is left as it is.</summary>
    public async Task PauseAsync(Guid organizationId, Guid campaignId, string reason, CancellationToken ct)
    {
        try
        {
            await mediator.Send(new PauseCampaign(organizationId, campaignId, reason.Length > 200 ? reason[..200] : reason), ct);
            LogPaused(campaignId, reason);
        }
        catch (Refusal refusal) when (refusal.Code is "campaign.not_running" or "campaign.unknown")
        {
            LogNotPaused(campaignId, refusal.Code);
        }
    }

    private async Task LowerAsync(Guid organizationId, SendingNumber number, CancellationToken ct)
    {
        try
        {
            await limits.LowerAsync(organizationId, number.Meta.PhoneNumberId, Math.Max(1, number.MessagesPerSecondMax / 2), LoweredFor, ct);
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            LogNotLowered(number.Meta.PhoneNumberId, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "campaign {CampaignId} paused: {Reason}")]
    private partial void LogPaused(Guid campaignId, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "contact {ContactId} opted out and is gone")]
    private partial void LogGone(Guid contactId);

    [LoggerMessage(Level = LogLevel.Debug, Message = "campaign {CampaignId} not paused: {Code}")]
    private partial void LogNotPaused(Guid campaignId, string code);

    [LoggerMessage(Level = LogLevel.Warning, Message = "number {PhoneNumberId}: pace not lowered, Redis is away ({Reason})")]
    private partial void LogNotLowered(string phoneNumberId, string reason);
}
