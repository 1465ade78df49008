using Bsp.Application.EventStore;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>What is told of the wallet and of subscriptions.</summary>
internal static class PublicMoney
{
    public static readonly IReadOnlyList<PublicType> Types = [];

    public static PublicEvent? Of(StoredEvent stored, object fact) => null;
}
