using Bsp.Application.Common;
using Bsp.Domain.Common;

namespace Bsp.Application.Charging;

/// <summary>A wallet does not hold what is about to be spent: 402, with what is missing.</summary>
public static class WalletInsufficient
{
    /// <summary>What <c>code</c> says.</summary>
    public const string Code = "wallet.insufficient";

    /// <param name="what">Begins the sentence: <c>The campaign</c>, <c>The message</c>.</param>
    /// <param name="missing">By so much more would what is available have to be.</param>
    public static RefusedFields Of(string what, decimal cost, decimal available, decimal missing, string currency) => new(Code,
        $"{what} may cost {Money.Text(cost)} {currency}, and {Money.Text(available)} is available: top up {Money.Text(missing)} {currency} and try again.",
        new Dictionary<string, string[]> { ["missing"] = [Money.Text(missing)], ["required"] = [Money.Text(cost)],
            ["available"] = [Money.Text(available)], ["currency"] = [currency] });

    /// <summary>Everybody pays, and there is no wallet: also what costs nothing is not sent.</summary>
    public static RefusedFields None(string what, string currency) => new(Code,
        $"{what} is paid from a wallet, and the organization has none yet: top one up in {currency} and try again.",
        new Dictionary<string, string[]> { ["missing"] = [Money.Text(0)], ["required"] = [Money.Text(0)], ["available"] = [Money.Text(0)],
            ["currency"] = [currency] });
}
