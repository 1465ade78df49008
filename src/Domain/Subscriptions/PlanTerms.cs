using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Domain.Ledger;

namespace Bsp.Domain.Subscriptions;

/// <summary>A plan as it was when it was bought: later changes of the plan do not reach a subscription until it is changed.</summary>
/// <param name="Version">Of the plan's row.</param>
/// <param name="MonthlyPrice">Per period, in <paramref name="Currency"/>, six places.</param>
/// <param name="PerMessagePrice">Per delivered message beyond the included ones, six places.</param>
/// <param name="IncludedMessages">Per period.</param>
/// <param name="Features">An object; <see cref="Plans.PlanFeatures"/> says which names are enforced.</param>
public sealed record PlanTerms(
    Guid PlanId, long Version, string Code, string Name, string Currency, [property: JsonConverter(typeof(MoneyJson))] decimal MonthlyPrice,
    [property: JsonConverter(typeof(MoneyJson))] decimal PerMessagePrice, int IncludedMessages, JsonElement Features);
