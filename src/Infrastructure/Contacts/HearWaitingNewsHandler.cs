using Bsp.Application.Contacts;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// One look-up for all; nearly always nothing waits. What a kill leaves waiting is found by the next message of the same person.
/// </summary>
public sealed class HearWaitingNewsHandler(Shards shards, IMediator mediator) : IRequestHandler<HearWaitingNews, int>
{
    public async Task<int> Handle(HearWaitingNews command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        var heard = 0;
        foreach (var news in await WaitingIdentityNews.OfAsync(shard, command.OrganizationId, command.Reached, ct))
        {
            // Else it was told of who had the number before them.
            if (command.Reached.Any(reached => IsAbout(news, reached)) && await mediator.Send(news, ct) is not null)
            {
                await WaitingIdentityNews.DropAsync(shard, news, ct);
                heard++;
            }
        }

        return heard;
    }

    private static bool IsAbout(ChangeContactIdentity news, ContactIdentity reached) => !(reached.SaidAt > news.SaidAt)
        && ((reached.PhoneNumber is { } phone && phone == news.Before.PhoneNumber)
            || (reached.WaUserId is { } user && user == news.Before.WaUserId));
}
