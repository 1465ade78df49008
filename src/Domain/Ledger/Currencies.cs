using System.Collections.Frozen;

namespace Bsp.Domain.Ledger;

/// <summary>Currencies that people pay with: the active codes of ISO 4217 (list one, 2026) without funds, metals and test codes.</summary>
public static class Currencies
{
    private static readonly FrozenSet<string> All = """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD
        EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP
        LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
        SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF
        YER ZAR ZMW ZWG
        """.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).ToFrozenSet();

    /// <summary>True for a code of the list, in upper case.</summary>
    public static bool IsKnown(string? code) => code is not null && All.Contains(code);
}
