using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(Bsp.IntegrationTests.Common.LongFirst))]

namespace Bsp.IntegrationTests.Common;

/// <summary>
/// Classes that take long are begun first, so that none of them is left alone at the end while the other threads have nothing to do. Only
/// the order: what is not named here runs as it would.
/// </summary>
public sealed class LongFirst : ITestCollectionOrderer
{
    // A waiting one beside those that compute.
    private static readonly string[] Long =
    [
        ".HotStatementTests", ".MessagingLimitTests", ".SearchPlanTests", ".ChaosSendingTests", ".SharesTests", ".BadRequestTests",
        ".SendingWaitsTests", ".ChargingTests", ".CampaignRetryTests", ".LedgerAuditTests", ".CampaignTests", ".WebhookItemTests",
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(Place)]; // stable: the rest stays in its order

    private static int Place<TTestCollection>(TTestCollection collection)
        where TTestCollection : ITestCollection
    {
        var place = Array.FindIndex(Long, name => collection.TestCollectionDisplayName.Contains(name, StringComparison.Ordinal));
        return place < 0 ? Long.Length : place;
    }
}
