using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Bsp.Api.Common;
using Bsp.Application.Campaigns;
using MediatR;

namespace Bsp.Api.Campaigns;

/// <summary>A campaign's progress as it changes.</summary>
internal static class ProgressStream
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);

    /// <summary>The id of the event the client saw last; null: none.</summary>
    public static string? LastSeen(HttpContext context) => context.Request.Headers["Last-Event-ID"] is [{ } id] ? id : null;

    /// <summary>
    /// The present state, then one event at every change; ends when the campaign has ended, or the caller may not see it any more. Ids name
    /// states, so that a client that comes back gets none twice.
    /// </summary>
    public static async IAsyncEnumerable<SseItem<CampaignProgress>> Follow(Guid organizationId, Guid campaignId, IMediator mediator,
        Permission permission, string? lastSeen, [EnumeratorCancellation] CancellationToken ct)
    {
        while (await permission.HoldsAsync())
        {
            var status = await mediator.Send(new GetCampaignStatus(organizationId, campaignId), ct);
            var progress = await mediator.Send(new GetCampaignProgress(organizationId, campaignId), ct);
            if (progress is null || status is null)
            {
                yield break;
            }

            var id = $"{status}.{progress.Total}.{progress.Queued}.{progress.Skipped}.{progress.Sent}.{progress.Delivered}.{progress.Read}.{progress.Failed}.{progress.Unknown}";
            id += progress is { Waiting: 0, WaitsFor: null } ? ""
                : $".{progress.Waiting}.{progress.WaitsFor}.{progress.WaitsUntil?.ToUnixTimeSeconds()}";
            if (id != lastSeen)
            {
                lastSeen = id;
                yield return new(progress, "progress") { EventId = id };
            }

            // who waits for the end of Meta's cap is sent to tomorrow: nobody need look on until then
            if (status is "COMPLETED" or "CANCELLED" && progress.Queued == 0)
            {
                yield break;
            }

            await Task.Delay(LookEvery, ct);
        }
    }
}
