using Bsp.Application.Imports;

namespace Bsp.UnitTests.Imports;

public sealed class ImportRowTests
{
    private static readonly ImportColumns Columns =
        ImportColumns.Read(["Phone_Number", " first_name", "email", "consent_status", "tags", "custom.City"]);

    private static ImportRow Row(params string[] fields) => Columns.Check(fields).Row.ShouldNotBeNull();

    private static RowFault Fault(params string[] fields) => Columns.Check(fields).Fault.ShouldNotBeNull();

    [Fact] public void A_row_is_read_by_its_header()
    {
        var row = Row("+49 151 12345678", " Ann ", "ann@example.com", "opted_in", "vip; new|vip", "Köln");
        (row.PhoneNumber, row.FirstName, row.Email, row.Consent).ShouldBe(("+4915112345678", "Ann", "ann@example.com", "OPTED_IN"));
        row.Tags.ShouldBe(["vip", "new"]);
        row.CustomFields.ToJsonString().ShouldContain("City");
    }

    [Fact] public void Faults_name_the_column()
    {
        Fault("nope", "", "", "", "", "").ShouldBe(new RowFault("phone_number", "is no phone number with country code"));
        Fault("+4915112345678", "", "nope", "", "", "").Column.ShouldBe("email");
        Fault("+4915112345678", "", "", "YES", "", "").Column.ShouldBe("consent_status");
        Fault("", "Ann", "", "", "", "").ShouldBe(new RowFault("phone_number", "is empty, and so is wa_user_id"));
        Fault("+4915112345678", "Ann").ShouldBe(new RowFault(null, "has 2 columns, the header 6: an empty cell still needs its separator"));
        Fault("+4915112345678", "Ann\uFFFD", "", "", "", "").ShouldBe(new RowFault("first_name", "is not valid UTF-8"));
    }

    [Fact] public void The_last_row_of_a_contact_wins_where_it_says_something()
    {
        var merged = Row("+4915112345678", "Ann", "a@b.de", "OPTED_IN", "x", "Köln").Then(Row("+4915112345678", "Anna", "", "", "y", ""));
        (merged.FirstName, merged.Email, merged.Consent).ShouldBe(("Anna", "a@b.de", "OPTED_IN"));
        merged.Tags.ShouldBe(["x", "y"]);
    }

    [Fact] public void A_withdrawn_consent_stays_withdrawn_within_a_file()
    {
        Row("+4915112345678", "", "", "OPTED_OUT", "", "")
            .Then(Row("+4915112345678", "", "", "OPTED_IN", "", "")).Consent.ShouldBe("OPTED_OUT");
        Row("+4915112345678", "", "", "OPTED_IN", "", "")
            .Then(Row("+4915112345678", "", "", "OPTED_OUT", "", "")).Consent.ShouldBe("OPTED_OUT");
        Row("+4915112345678", "", "", "OPTED_IN", "", "")
            .Then(Row("+4915112345678", "", "", "PENDING", "", "")).Consent.ShouldBe("OPTED_IN");
    }

    [Theory]
    [InlineData("import.header_missing_identity", "first_name", "email")]
    [InlineData("import.header_unknown_column", "phone_number", "shoe_size")]
    [InlineData("import.header_duplicate_column", "phone_number", "email", "Email")]
    [InlineData("import.header_missing_identity", "+4915112345678", "Ann")]
    public void Headers_that_cannot_be_used(string code, params string[] header) =>
        Should.Throw<Domain.Common.Refusal>(() => ImportColumns.Read(header)).Code.ShouldBe(code);
}
